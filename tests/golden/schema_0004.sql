BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE events (
	id INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	actor TEXT NOT NULL, 
	what TEXT NOT NULL, 
	data JSON NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id)
);
INSERT INTO "events" VALUES(1,1.79589778774998831741e+09,'trainer','added version 0','{}');
INSERT INTO "events" VALUES(2,1.79589778775585222239e+09,'Rater 0','joined as rater','{"user": 1}');
INSERT INTO "events" VALUES(3,1.79589778776385688777e+09,'Rater 1','joined as rater','{"user": 2}');
INSERT INTO "events" VALUES(4,1.79589778776613903047e+09,'trainer','started round 1','{"version": 0}');
INSERT INTO "events" VALUES(5,1.79589778778387522701e+09,'trainer','round 1 is rating','{"decision": null}');
INSERT INTO "events" VALUES(6,1.79589778785235857968e+09,'operator','sealed round 1','{"ratings": 4, "sha256": "066bc7355832e1598f282677b76101faa80e7b4196dfc8547dbf4e59dbabd949"}');
CREATE TABLE guidelines (
	version INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	CONSTRAINT pk_guidelines PRIMARY KEY (version)
);
CREATE TABLE "jobs" (
	id INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	payload JSON NOT NULL, 
	state TEXT NOT NULL, 
	progress JSON NOT NULL, 
	result JSON, 
	worker TEXT, 
	heartbeat_at DOUBLE, 
	attempts INTEGER NOT NULL, 
	cancel_requested BOOLEAN NOT NULL, 
	error TEXT, 
	log_tail TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	updated_at DOUBLE NOT NULL, 
	CONSTRAINT pk_jobs PRIMARY KEY (id), 
	CONSTRAINT ck_jobs_state CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')), 
	CONSTRAINT ck_jobs_kind CHECK (kind IN ('generate', 'train', 'try'))
);
CREATE TABLE "leases" (
	rater_id INTEGER NOT NULL, 
	response_id INTEGER NOT NULL, 
	shown_at DOUBLE NOT NULL, 
	until DOUBLE NOT NULL, 
	other_id INTEGER, 
	CONSTRAINT pk_leases PRIMARY KEY (rater_id), 
	CONSTRAINT fk_leases_rater_id_users FOREIGN KEY(rater_id) REFERENCES users (id), 
	CONSTRAINT fk_leases_response_id_responses FOREIGN KEY(response_id) REFERENCES responses (id), 
	CONSTRAINT fk_leases_other_id_responses FOREIGN KEY(other_id) REFERENCES responses (id)
);
CREATE TABLE links (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	secret_sha256 TEXT NOT NULL, 
	once BOOLEAN NOT NULL, 
	created_at DOUBLE NOT NULL, 
	expires_at DOUBLE NOT NULL, 
	used_at DOUBLE, 
	revoked_at DOUBLE, token BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_links PRIMARY KEY (id), 
	CONSTRAINT uq_links_secret_sha256 UNIQUE (secret_sha256), 
	CONSTRAINT fk_links_user_id_users FOREIGN KEY(user_id) REFERENCES users (id)
);
CREATE TABLE policy_versions (
	number INTEGER NOT NULL, 
	parent INTEGER, 
	folder TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	base_model TEXT NOT NULL, 
	base_revision TEXT NOT NULL, 
	metrics JSON NOT NULL, 
	status TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	notes TEXT NOT NULL, 
	CONSTRAINT pk_policy_versions PRIMARY KEY (number), 
	CONSTRAINT fk_policy_versions_parent_policy_versions FOREIGN KEY(parent) REFERENCES policy_versions (number), 
	CONSTRAINT ck_policy_versions_status CHECK (status IN ('candidate', 'current', 'kept', 'rolled_back'))
);
INSERT INTO "policy_versions" VALUES(0,NULL,'','abababababababababababababababababababababababababababababababab','tiny','1','{}','current',1.0,'');
CREATE TABLE prompts (
	id INTEGER NOT NULL, 
	messages JSON NOT NULL, 
	sha256 TEXT NOT NULL, 
	tags JSON NOT NULL, 
	split TEXT NOT NULL, 
	source TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, retired_at DOUBLE, 
	CONSTRAINT pk_prompts PRIMARY KEY (id), 
	CONSTRAINT uq_prompts_sha256 UNIQUE (sha256), 
	CONSTRAINT ck_prompts_split CHECK (split IN ('train', 'holdout'))
);
INSERT INTO "prompts" VALUES(1,'[{"role": "user", "content": "Question 0?"}]','d3294c7911754dc93d8b433a834cd194107e5f87b9cc2ce74ec589773b9fb23d','[]','train','',1.79589778773600792886e+09,NULL);
INSERT INTO "prompts" VALUES(2,'[{"role": "user", "content": "Question 1?"}]','fbada4b2e1140937a2ef522d859da457ad755e2a7409a674ab2de36848421e9e','[]','train','',1.79589778773600792886e+09,NULL);
INSERT INTO "prompts" VALUES(3,'[{"role": "user", "content": "Question 2?"}]','d3bfc126e97a05303d20fb4061325ed28b9e8c5260c83befe9a31d4f3aebdee8','[]','train','',1.79589778773600792886e+09,NULL);
CREATE TABLE "ratings" (
	id INTEGER NOT NULL, 
	response_id INTEGER NOT NULL, 
	rater_id INTEGER NOT NULL, 
	score DOUBLE, 
	verdict TEXT NOT NULL, 
	shown_at DOUBLE NOT NULL, 
	submitted_at DOUBLE NOT NULL, 
	given_at DOUBLE NOT NULL, 
	active_ms BIGINT NOT NULL, 
	position INTEGER NOT NULL, 
	guideline_version INTEGER NOT NULL, 
	scale TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	is_current BOOLEAN NOT NULL, 
	"key" TEXT NOT NULL, 
	comment TEXT NOT NULL, 
	flags JSON NOT NULL, 
	attributes JSON NOT NULL, 
	other_id INTEGER, 
	swapped BOOLEAN DEFAULT 0 NOT NULL, 
	sha256 TEXT, 
	CONSTRAINT pk_ratings PRIMARY KEY (id), 
	CONSTRAINT uq_ratings_rater_id_key UNIQUE (rater_id, "key"), 
	CONSTRAINT fk_ratings_rater_id_users FOREIGN KEY(rater_id) REFERENCES users (id), 
	CONSTRAINT ck_ratings_revision CHECK (revision >= 1), 
	CONSTRAINT fk_ratings_response_id_responses FOREIGN KEY(response_id) REFERENCES responses (id), 
	CONSTRAINT uq_ratings_response_id_rater_id_revision UNIQUE (response_id, rater_id, revision), 
	CONSTRAINT ck_ratings_score_with_verdict CHECK ((verdict = 'rated') = (score IS NOT NULL)), 
	CONSTRAINT ck_ratings_active_ms CHECK (active_ms >= 0), 
	CONSTRAINT fk_ratings_other_id_responses FOREIGN KEY(other_id) REFERENCES responses (id), 
	CONSTRAINT ck_ratings_verdict CHECK (verdict IN ('rated', 'skip', 'cannot_judge', 'broken', 'unsafe', 'both_bad', 'removed')), 
	CONSTRAINT ck_ratings_score_range CHECK (score IS NULL OR (scale = 'score_1_10' AND score BETWEEN 1 AND 10) OR (scale = 'score_0_10' AND score BETWEEN 0 AND 10) OR (scale = 'score_1_5' AND score BETWEEN 1 AND 5) OR (scale = 'score_1_7' AND score BETWEEN 1 AND 7) OR (scale = 'thumbs' AND score BETWEEN 0 AND 1) OR (scale = 'pair' AND score BETWEEN -1 AND 1)), 
	CONSTRAINT ck_ratings_pair_has_other CHECK ((scale = 'pair') = (other_id IS NOT NULL))
);
INSERT INTO "ratings" VALUES(1,3,1,3.0,'rated',100.0,105.0,1795897787.80794,4000,1,1,'score_1_10',1,1,'f5d1af2d-8bbc-4477-8d84-f4554a95f168','','[]','{}',NULL,0,'2:4dbe00f07c945b849ab43325a370be1468ee7192c41b34f6629227277d25e848');
INSERT INTO "ratings" VALUES(2,4,1,8.0,'rated',100.0,105.0,1.79589778782390904429e+09,4000,2,1,'score_1_10',1,1,'0c4c53a4-e986-43a0-b85a-27677c941fa4','','[]','{}',NULL,0,'2:95f07f138ea90dbeef4c8bd10197625e99b3eb73e50f672ef45ab711c060bb2d');
INSERT INTO "ratings" VALUES(3,5,1,5.0,'rated',100.0,105.0,1.7958977878319051266e+09,4000,1,1,'score_1_10',1,1,'460ec998-7781-4dec-910e-4324a0fecda3','','[]','{}',NULL,0,'2:e17fdfc06c1df04d252325356142e35ac53aa7216f9ccfc565638da0417e56a5');
INSERT INTO "ratings" VALUES(4,6,1,9.0,'rated',100.0,105.0,1.79589778783991122247e+09,4000,2,1,'score_1_10',1,1,'40281e51-31bb-4785-b65d-2324cc01c784','','[]','{}',NULL,0,'2:68f025742381d994ea17b62a2e851dc74fd25ce94aeccca69f4d483afb418d10');
CREATE TABLE responses (
	id INTEGER NOT NULL, 
	prompt_id INTEGER NOT NULL, 
	round_number INTEGER NOT NULL, 
	version_number INTEGER, 
	slot INTEGER NOT NULL, 
	seed BIGINT NOT NULL, 
	temperature DOUBLE NOT NULL, 
	finish_reason TEXT NOT NULL, 
	stratum TEXT NOT NULL, 
	overlap INTEGER NOT NULL, 
	propensity DOUBLE NOT NULL, 
	created_at DOUBLE NOT NULL, 
	text TEXT NOT NULL, 
	prompt_ids JSON NOT NULL, 
	token_ids JSON NOT NULL, 
	logprobs JSON NOT NULL, ref_logprob DOUBLE, head_score DOUBLE, 
	CONSTRAINT pk_responses PRIMARY KEY (id), 
	CONSTRAINT uq_responses_round_number_slot UNIQUE (round_number, slot), 
	CONSTRAINT fk_responses_prompt_id_prompts FOREIGN KEY(prompt_id) REFERENCES prompts (id), 
	CONSTRAINT fk_responses_round_number_rounds FOREIGN KEY(round_number) REFERENCES rounds (number), 
	CONSTRAINT fk_responses_version_number_policy_versions FOREIGN KEY(version_number) REFERENCES policy_versions (number), 
	CONSTRAINT ck_responses_finish_reason CHECK (finish_reason IN ('eos', 'length')), 
	CONSTRAINT ck_responses_stratum CHECK (stratum IN ('train', 'calibration', 'holdout', 'anchor', 'control', 'imported')), 
	CONSTRAINT ck_responses_overlap CHECK (overlap >= 1), 
	CONSTRAINT ck_responses_written_by CHECK ((round_number = 0) = (version_number IS NULL))
);
INSERT INTO "responses" VALUES(1,1,1,0,0,0,0.7,'eos','train',1,1.0,1.79589778777690172199e+09,'round 1, prompt 0, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(2,1,1,0,1,1,0.7,'eos','train',1,1.0,1.79589778777690172199e+09,'round 1, prompt 0, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(3,2,1,0,2,2,0.7,'eos','train',1,1.0,1.79589778777690172199e+09,'round 1, prompt 1, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(4,2,1,0,3,3,0.7,'eos','train',1,1.0,1.79589778777690172199e+09,'round 1, prompt 1, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(5,3,1,0,4,4,0.7,'eos','train',1,1.0,1.79589778777690172199e+09,'round 1, prompt 2, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(6,3,1,0,5,5,0.7,'eos','train',1,1.0,1.79589778777690172199e+09,'round 1, prompt 2, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
CREATE TABLE rounds (
	number INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	config JSON NOT NULL, 
	version_number INTEGER, 
	published_version INTEGER, 
	snapshot_sha256 TEXT, 
	gate JSON, 
	decision TEXT, 
	created_at DOUBLE NOT NULL, 
	updated_at DOUBLE NOT NULL, 
	CONSTRAINT pk_rounds PRIMARY KEY (number), 
	CONSTRAINT fk_rounds_version_number_policy_versions FOREIGN KEY(version_number) REFERENCES policy_versions (number), 
	CONSTRAINT fk_rounds_published_version_policy_versions FOREIGN KEY(published_version) REFERENCES policy_versions (number), 
	CONSTRAINT ck_rounds_state CHECK (state IN ('generating', 'rating', 'sealed', 'training', 'refused', 'failed', 'published', 'rolled_back')), 
	CONSTRAINT ck_rounds_written_by CHECK ((number = 0) = (version_number IS NULL))
);
INSERT INTO "rounds" VALUES(1,'sealed','{"quota": 4}',0,NULL,'066bc7355832e1598f282677b76101faa80e7b4196dfc8547dbf4e59dbabd949',NULL,NULL,1.79589778776613903047e+09,1.79589778785235857968e+09);
CREATE TABLE samples (
	version_number INTEGER NOT NULL, 
	prompt_id INTEGER NOT NULL, 
	seed BIGINT NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_samples PRIMARY KEY (version_number, prompt_id, seed), 
	CONSTRAINT fk_samples_version_number_policy_versions FOREIGN KEY(version_number) REFERENCES policy_versions (number), 
	CONSTRAINT fk_samples_prompt_id_prompts FOREIGN KEY(prompt_id) REFERENCES prompts (id)
);
CREATE TABLE settings (
	name TEXT NOT NULL, 
	value JSON NOT NULL, 
	CONSTRAINT pk_settings PRIMARY KEY (name)
);
CREATE TABLE snapshot_ratings (
	round_number INTEGER NOT NULL, 
	rating_id INTEGER NOT NULL, 
	CONSTRAINT pk_snapshot_ratings PRIMARY KEY (round_number, rating_id), 
	CONSTRAINT fk_snapshot_ratings_round_number_rounds FOREIGN KEY(round_number) REFERENCES rounds (number), 
	CONSTRAINT fk_snapshot_ratings_rating_id_ratings FOREIGN KEY(rating_id) REFERENCES ratings (id)
);
INSERT INTO "snapshot_ratings" VALUES(1,1);
INSERT INTO "snapshot_ratings" VALUES(1,2);
INSERT INTO "snapshot_ratings" VALUES(1,3);
INSERT INTO "snapshot_ratings" VALUES(1,4);
CREATE TABLE steps (
	round_number INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	metrics JSON NOT NULL, 
	at DOUBLE NOT NULL, 
	CONSTRAINT pk_steps PRIMARY KEY (round_number, step), 
	CONSTRAINT fk_steps_round_number_rounds FOREIGN KEY(round_number) REFERENCES rounds (number)
);
CREATE TABLE users (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	name_key TEXT NOT NULL, 
	pseudonym TEXT NOT NULL, 
	role TEXT NOT NULL, 
	active BOOLEAN NOT NULL, 
	excluded BOOLEAN NOT NULL, 
	created_at DOUBLE NOT NULL, salt TEXT, session_epoch INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_name_key UNIQUE (name_key), 
	CONSTRAINT uq_users_pseudonym UNIQUE (pseudonym), 
	CONSTRAINT ck_users_role CHECK (role IN ('rater', 'operator'))
);
INSERT INTO "users" VALUES(1,'Rater 0','rater 0','r-3a08224f4f7b','rater',1,0,1.79589778775585222239e+09,'54d17171d83d03a6e9d39405ede5116c',0);
INSERT INTO "users" VALUES(2,'Rater 1','rater 1','r-4a757de81207','rater',1,0,1.79589778776385688777e+09,'1b2fa1ff8a904bcd8519a53f79d93b0d',0);
CREATE INDEX ix_links_user_id ON links (user_id);
CREATE UNIQUE INDEX uq_policy_versions_one_current ON policy_versions (status) WHERE status = 'current';
CREATE INDEX ix_responses_prompt_id ON responses (prompt_id);
CREATE INDEX ix_ratings_response_id ON ratings (response_id);
CREATE INDEX ix_ratings_rater_id_given_at ON ratings (rater_id, given_at);
CREATE UNIQUE INDEX uq_ratings_one_current ON ratings (response_id, rater_id) WHERE is_current = 1;
CREATE INDEX ix_leases_response_id ON leases (response_id);
CREATE UNIQUE INDEX uq_jobs_one_active ON jobs (kind) WHERE state IN ('queued', 'running');
CREATE INDEX ix_snapshot_ratings_rating_id ON snapshot_ratings (rating_id);
CREATE INDEX ix_ratings_of_rater ON ratings (rater_id, active_ms, verdict, scale, score, submitted_at) WHERE is_current = 1;
CREATE INDEX ix_responses_of_round ON responses (round_number, prompt_id, id, version_number, overlap, stratum);
CREATE INDEX ix_ratings_unhashed ON ratings (id) WHERE sha256 IS NULL;
COMMIT;
