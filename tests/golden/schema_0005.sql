BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0005');
CREATE TABLE events (
	id INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	actor TEXT NOT NULL, 
	what TEXT NOT NULL, 
	data JSON NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id)
);
INSERT INTO "events" VALUES(1,1.79590032940191864961e+09,'trainer','added version 0','{}');
INSERT INTO "events" VALUES(2,1.79590032941592407222e+09,'Rater 0','joined as rater','{"user": 1}');
INSERT INTO "events" VALUES(3,1.79590032942386460305e+09,'Rater 1','joined as rater','{"user": 2}');
INSERT INTO "events" VALUES(4,1.79590032943278217316e+09,'trainer','started round 1','{"version": 0}');
INSERT INTO "events" VALUES(5,1.7959003294598462582e+09,'trainer','round 1 is rating','{"decision": null}');
INSERT INTO "events" VALUES(6,1.79590032957634830471e+09,'operator','sealed round 1','{"ratings": 4, "sha256": "19dbf323929445c9ac7c138a9e0eed0495e33b4ecf83d1672e647b704001223a"}');
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
	CONSTRAINT fk_leases_response_id_responses FOREIGN KEY(response_id) REFERENCES responses (id), 
	CONSTRAINT fk_leases_rater_id_users FOREIGN KEY(rater_id) REFERENCES users (id), 
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
INSERT INTO "prompts" VALUES(1,'[{"role": "user", "content": "Question 0?"}]','d3294c7911754dc93d8b433a834cd194107e5f87b9cc2ce74ec589773b9fb23d','[]','train','',1.79590032937548041338e+09,NULL);
INSERT INTO "prompts" VALUES(2,'[{"role": "user", "content": "Question 1?"}]','fbada4b2e1140937a2ef522d859da457ad755e2a7409a674ab2de36848421e9e','[]','train','',1.79590032937548041338e+09,NULL);
INSERT INTO "prompts" VALUES(3,'[{"role": "user", "content": "Question 2?"}]','d3bfc126e97a05303d20fb4061325ed28b9e8c5260c83befe9a31d4f3aebdee8','[]','train','',1.79590032937548041338e+09,NULL);
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
	low_id INTEGER NOT NULL, 
	high_id INTEGER NOT NULL, 
	CONSTRAINT pk_ratings PRIMARY KEY (id), 
	CONSTRAINT ck_ratings_revision CHECK (revision >= 1), 
	CONSTRAINT ck_ratings_score_with_verdict CHECK ((verdict = 'rated') = (score IS NOT NULL)), 
	CONSTRAINT fk_ratings_other_id_responses FOREIGN KEY(other_id) REFERENCES responses (id), 
	CONSTRAINT uq_ratings_rater_id_key UNIQUE (rater_id, "key"), 
	CONSTRAINT fk_ratings_rater_id_users FOREIGN KEY(rater_id) REFERENCES users (id), 
	CONSTRAINT fk_ratings_response_id_responses FOREIGN KEY(response_id) REFERENCES responses (id), 
	CONSTRAINT ck_ratings_score_range CHECK (score IS NULL OR (scale = 'score_1_10' AND score BETWEEN 1 AND 10) OR (scale = 'score_0_10' AND score BETWEEN 0 AND 10) OR (scale = 'score_1_5' AND score BETWEEN 1 AND 5) OR (scale = 'score_1_7' AND score BETWEEN 1 AND 7) OR (scale = 'thumbs' AND score BETWEEN 0 AND 1) OR (scale = 'pair' AND score BETWEEN -1 AND 1)), 
	CONSTRAINT ck_ratings_active_ms CHECK (active_ms >= 0), 
	CONSTRAINT ck_ratings_verdict CHECK (verdict IN ('rated', 'skip', 'cannot_judge', 'broken', 'unsafe', 'both_bad', 'removed')), 
	CONSTRAINT ck_ratings_pair_has_other CHECK ((scale = 'pair') = (other_id IS NOT NULL)), 
	CONSTRAINT ck_ratings_low_id CHECK (low_id = CASE WHEN other_id < response_id THEN other_id ELSE response_id END), 
	CONSTRAINT ck_ratings_high_id CHECK (high_id = CASE WHEN other_id > response_id THEN other_id ELSE response_id END), 
	CONSTRAINT uq_ratings_low_id_high_id_rater_id_revision UNIQUE (low_id, high_id, rater_id, revision)
);
INSERT INTO "ratings" VALUES(1,3,1,3.0,'rated',100.0,105.0,1.79590032951596879958e+09,4000,1,1,'score_1_10',1,1,'a3cd6e3c-e62c-4f97-bbd5-e178cc8bbdb5','','[]','{}',NULL,0,'2:08a2d9741217d5cfd4641ec73af4a98e56951eaa8848e45c2a3a5aaa0018f620',3,3);
INSERT INTO "ratings" VALUES(2,4,1,8.0,'rated',100.0,105.0,1795900329.53592,4000,2,1,'score_1_10',1,1,'4966d952-748d-4083-8ca3-b5f258e1ff47','','[]','{}',NULL,0,'2:89cbd9f60a30bcad4289b20039e71ee67a97d938cdc8edc56bae5b30d20e8d3f',4,4);
INSERT INTO "ratings" VALUES(3,5,1,5.0,'rated',100.0,105.0,1.79590032954792928692e+09,4000,1,1,'score_1_10',1,1,'758e3743-85ae-483a-abcf-7235d505c0fd','','[]','{}',NULL,0,'2:b56b90003ada411bf3cac09e66c76f09e4aaa130d156d7568e8cb88ce5c1620b',5,5);
INSERT INTO "ratings" VALUES(4,6,1,9.0,'rated',100.0,105.0,1.79590032955997729296e+09,4000,2,1,'score_1_10',1,1,'9add0a9c-639e-4185-90f3-7fba598055dc','','[]','{}',NULL,0,'2:42806f865e4096a0250e4104343d50f154ec944d93c3c82e5164c8154ab5ba54',6,6);
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
INSERT INTO "responses" VALUES(1,1,1,0,0,0,0.7,'eos','train',1,1.0,1.79590032944490623472e+09,'round 1, prompt 0, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(2,1,1,0,1,1,0.7,'eos','train',1,1.0,1.79590032944490623472e+09,'round 1, prompt 0, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(3,2,1,0,2,2,0.7,'eos','train',1,1.0,1.79590032944490623472e+09,'round 1, prompt 1, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(4,2,1,0,3,3,0.7,'eos','train',1,1.0,1.79590032944490623472e+09,'round 1, prompt 1, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(5,3,1,0,4,4,0.7,'eos','train',1,1.0,1.79590032944490623472e+09,'round 1, prompt 2, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(6,3,1,0,5,5,0.7,'eos','train',1,1.0,1.79590032944490623472e+09,'round 1, prompt 2, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
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
INSERT INTO "rounds" VALUES(1,'sealed','{"quota": 4}',0,NULL,'19dbf323929445c9ac7c138a9e0eed0495e33b4ecf83d1672e647b704001223a',NULL,NULL,1.79590032943278217316e+09,1.79590032957634830471e+09);
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
INSERT INTO "users" VALUES(1,'Rater 0','rater 0','r-b6ff767e82cd','rater',1,0,1.79590032941592407222e+09,'0a173fbdadb9831a9c283d35549a8d6a',0);
INSERT INTO "users" VALUES(2,'Rater 1','rater 1','r-53fe8f4df744','rater',1,0,1.79590032942386460305e+09,'22124bdc7eee509bd75788a501c09f54',0);
CREATE INDEX ix_links_user_id ON links (user_id);
CREATE UNIQUE INDEX uq_policy_versions_one_current ON policy_versions (status) WHERE status = 'current';
CREATE INDEX ix_responses_prompt_id ON responses (prompt_id);
CREATE INDEX ix_leases_response_id ON leases (response_id);
CREATE UNIQUE INDEX uq_jobs_one_active ON jobs (kind) WHERE state IN ('queued', 'running');
CREATE INDEX ix_snapshot_ratings_rating_id ON snapshot_ratings (rating_id);
CREATE INDEX ix_responses_of_round ON responses (round_number, prompt_id, id, version_number, overlap, stratum);
CREATE INDEX ix_ratings_response_id ON ratings (response_id);
CREATE INDEX ix_ratings_of_rater ON ratings (rater_id, active_ms, verdict, scale, score, submitted_at) WHERE is_current = 1;
CREATE INDEX ix_ratings_rater_id_given_at ON ratings (rater_id, given_at);
CREATE INDEX ix_ratings_unhashed ON ratings (id) WHERE sha256 IS NULL;
CREATE UNIQUE INDEX uq_ratings_one_current ON ratings (low_id, high_id, rater_id) WHERE is_current = 1;
COMMIT;
