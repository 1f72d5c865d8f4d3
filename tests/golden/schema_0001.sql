BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE events (
	id INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	actor TEXT NOT NULL, 
	what TEXT NOT NULL, 
	data JSON NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id)
);
INSERT INTO "events" VALUES(1,1.79527370295962429048e+09,'trainer','added version 0','{}');
INSERT INTO "events" VALUES(2,1.79527370296096324916e+09,'Rater 0','joined as rater','{"user": 1}');
INSERT INTO "events" VALUES(3,1.7952737029647629261e+09,'Rater 1','joined as rater','{"user": 2}');
INSERT INTO "events" VALUES(4,1.79527370296810197831e+09,'trainer','started round 1','{"version": 0}');
INSERT INTO "events" VALUES(5,1.79527370297688436502e+09,'trainer','round 1 is rating','{"decision": null}');
INSERT INTO "events" VALUES(6,1.7952737030106658935e+09,'Rater 0','took back a rating','{"rating": 5}');
INSERT INTO "events" VALUES(7,1795273703.02423,'Rater 1','changed a rating','{"rating": 4}');
INSERT INTO "events" VALUES(8,1.79527370302883958813e+09,'operator','changed the guideline','{"version": 2}');
INSERT INTO "events" VALUES(9,1.79527370303388452525e+09,'operator','sealed round 1','{"ratings": 5, "sha256": "34bfa22b2f9a893d874e8cdfb0cbe971e2541b80a00a1d80f6ca608c686f0b96"}');
INSERT INTO "events" VALUES(10,1.79527370303864741325e+09,'trainer','round 1 is training','{"decision": null}');
INSERT INTO "events" VALUES(11,1.79527370304027080534e+09,'trainer','published version 1','{"round": 1}');
INSERT INTO "events" VALUES(12,1.79527370305345773692e+09,'trainer','started round 2','{"version": 1}');
INSERT INTO "events" VALUES(13,1.79527370305664610858e+09,'trainer','round 2 is rating','{"decision": null}');
CREATE TABLE guidelines (
	version INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	CONSTRAINT pk_guidelines PRIMARY KEY (version)
);
INSERT INTO "guidelines" VALUES(2,'Be kind.','operator',1.79527370302883958813e+09);
CREATE TABLE jobs (
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
	CONSTRAINT ck_jobs_kind CHECK (kind IN ('generate', 'train')), 
	CONSTRAINT ck_jobs_state CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled'))
);
INSERT INTO "jobs" VALUES(1,'generate','{}','queued','{}',NULL,NULL,NULL,0,0,NULL,'',1.79527370304423689842e+09,1.79527370304423689842e+09);
CREATE TABLE leases (
	rater_id INTEGER NOT NULL, 
	response_id INTEGER NOT NULL, 
	shown_at DOUBLE NOT NULL, 
	until DOUBLE NOT NULL, 
	CONSTRAINT pk_leases PRIMARY KEY (rater_id), 
	CONSTRAINT fk_leases_rater_id_users FOREIGN KEY(rater_id) REFERENCES users (id), 
	CONSTRAINT fk_leases_response_id_responses FOREIGN KEY(response_id) REFERENCES responses (id)
);
INSERT INTO "leases" VALUES(2,11,1.79527370305768871304e+09,1.79527430305768871308e+09);
CREATE TABLE links (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	secret_sha256 TEXT NOT NULL, 
	once BOOLEAN NOT NULL, 
	created_at DOUBLE NOT NULL, 
	expires_at DOUBLE NOT NULL, 
	used_at DOUBLE, 
	revoked_at DOUBLE, 
	CONSTRAINT pk_links PRIMARY KEY (id), 
	CONSTRAINT uq_links_secret_sha256 UNIQUE (secret_sha256), 
	CONSTRAINT fk_links_user_id_users FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "links" VALUES(1,1,'045dc7365980cac5cc89f46fe382f31c60d73a5701408cb40c4d295683e22e4a',1,1.79527370302774715426e+09,1.79527376302774715425e+09,NULL,NULL);
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
INSERT INTO "policy_versions" VALUES(0,NULL,'','abababababababababababababababababababababababababababababababab','tiny','1','{}','kept',1.0,'');
INSERT INTO "policy_versions" VALUES(1,0,'versions/0001','abababababababababababababababababababababababababababababababab','tiny','1','{}','current',1.0,'');
CREATE TABLE prompts (
	id INTEGER NOT NULL, 
	messages JSON NOT NULL, 
	sha256 TEXT NOT NULL, 
	tags JSON NOT NULL, 
	split TEXT NOT NULL, 
	source TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	CONSTRAINT pk_prompts PRIMARY KEY (id), 
	CONSTRAINT uq_prompts_sha256 UNIQUE (sha256), 
	CONSTRAINT ck_prompts_split CHECK (split IN ('train', 'holdout'))
);
INSERT INTO "prompts" VALUES(1,'[{"role": "user", "content": "Question 0?"}]','d3294c7911754dc93d8b433a834cd194107e5f87b9cc2ce74ec589773b9fb23d','[]','train','',1.79527370295391273504e+09);
INSERT INTO "prompts" VALUES(2,'[{"role": "user", "content": "Question 1?"}]','fbada4b2e1140937a2ef522d859da457ad755e2a7409a674ab2de36848421e9e','[]','train','',1.79527370295391273504e+09);
INSERT INTO "prompts" VALUES(3,'[{"role": "user", "content": "Question 2?"}]','d3bfc126e97a05303d20fb4061325ed28b9e8c5260c83befe9a31d4f3aebdee8','[]','train','',1.79527370295391273504e+09);
CREATE TABLE ratings (
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
	CONSTRAINT pk_ratings PRIMARY KEY (id), 
	CONSTRAINT uq_ratings_rater_id_key UNIQUE (rater_id, "key"), 
	CONSTRAINT uq_ratings_response_id_rater_id_revision UNIQUE (response_id, rater_id, revision), 
	CONSTRAINT fk_ratings_response_id_responses FOREIGN KEY(response_id) REFERENCES responses (id), 
	CONSTRAINT fk_ratings_rater_id_users FOREIGN KEY(rater_id) REFERENCES users (id), 
	CONSTRAINT ck_ratings_verdict CHECK (verdict IN ('rated', 'skip', 'cannot_judge', 'broken', 'unsafe')), 
	CONSTRAINT ck_ratings_score_with_verdict CHECK ((verdict = 'rated') = (score IS NOT NULL)), 
	CONSTRAINT ck_ratings_score_range CHECK (score IS NULL OR (scale = 'score_1_10' AND score BETWEEN 1 AND 10) OR (scale = 'score_0_10' AND score BETWEEN 0 AND 10) OR (scale = 'score_1_5' AND score BETWEEN 1 AND 5) OR (scale = 'score_1_7' AND score BETWEEN 1 AND 7) OR (scale = 'thumbs' AND score BETWEEN 0 AND 1)), 
	CONSTRAINT ck_ratings_revision CHECK (revision >= 1), 
	CONSTRAINT ck_ratings_active_ms CHECK (active_ms >= 0)
);
INSERT INTO "ratings" VALUES(1,3,1,3.0,'rated',100.0,105.0,1.79527370299373483656e+09,4000,1,1,'score_1_10',1,1,'b9869d81-6f86-4161-8039-67fd92e72fae','','[]','{}');
INSERT INTO "ratings" VALUES(2,2,2,4.0,'rated',100.0,105.0,1.79527370300044655801e+09,4000,1,1,'score_1_10',1,1,'a17b63c1-8ed7-434e-9412-7021ae86982c','','[]','{}');
INSERT INTO "ratings" VALUES(3,4,1,5.0,'rated',100.0,105.0,1.79527370300336170196e+09,4000,2,1,'score_1_10',1,1,'00dde2f7-9145-4fc0-81ea-57080c1fe6e5','','[]','{}');
INSERT INTO "ratings" VALUES(4,1,2,6.0,'rated',100.0,105.0,1.79527370300621342659e+09,4000,2,1,'score_1_10',1,0,'3f75bfff-33de-4b4f-9b49-e80c2da99da9','','[]','{}');
INSERT INTO "ratings" VALUES(5,5,1,NULL,'broken',100.0,105.0,1.79527370300957560536e+09,4000,1,1,'score_1_10',1,0,'4a957fb1-ca8f-4de2-b8ed-ac6b284264b6','cut off','["rude"]','{}');
INSERT INTO "ratings" VALUES(6,5,1,NULL,'skip',100.0,105.0,1.79527370302002215384e+09,4000,1,1,'score_1_10',2,1,'4f2266fa-228c-41d0-9b7a-a4df9fe86f77','','[]','{}');
INSERT INTO "ratings" VALUES(7,1,2,9.0,'rated',100.0,1795273703.02423,1.79527370300621342659e+09,4000,2,1,'score_1_10',2,1,'3f75bfff-33de-4b4f-9b49-e80c2da99da9/4','','[]','{}');
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
	logprobs JSON NOT NULL, 
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
INSERT INTO "responses" VALUES(1,1,1,0,0,0,0.7,'eos','train',1,1.0,1795273702.974,'round 1, prompt 0, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]');
INSERT INTO "responses" VALUES(2,1,1,0,1,1,0.7,'eos','train',1,1.0,1795273702.974,'round 1, prompt 0, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]');
INSERT INTO "responses" VALUES(3,2,1,0,2,2,0.7,'eos','train',1,1.0,1795273702.974,'round 1, prompt 1, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]');
INSERT INTO "responses" VALUES(4,2,1,0,3,3,0.7,'eos','train',1,1.0,1795273702.974,'round 1, prompt 1, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]');
INSERT INTO "responses" VALUES(5,3,1,0,4,4,0.7,'eos','train',1,1.0,1795273702.974,'round 1, prompt 2, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]');
INSERT INTO "responses" VALUES(6,3,1,0,5,5,0.7,'eos','train',1,1.0,1795273702.974,'round 1, prompt 2, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]');
INSERT INTO "responses" VALUES(7,1,2,1,0,0,0.7,'eos','train',1,1.0,1.79527370305550384521e+09,'round 2, prompt 0, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]');
INSERT INTO "responses" VALUES(8,1,2,1,1,1,0.7,'eos','train',1,1.0,1.79527370305550384521e+09,'round 2, prompt 0, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]');
INSERT INTO "responses" VALUES(9,2,2,1,2,2,0.7,'eos','train',1,1.0,1.79527370305550384521e+09,'round 2, prompt 1, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]');
INSERT INTO "responses" VALUES(10,2,2,1,3,3,0.7,'eos','train',1,1.0,1.79527370305550384521e+09,'round 2, prompt 1, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]');
INSERT INTO "responses" VALUES(11,3,2,1,4,4,0.7,'eos','train',1,1.0,1.79527370305550384521e+09,'round 2, prompt 2, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]');
INSERT INTO "responses" VALUES(12,3,2,1,5,5,0.7,'eos','train',1,1.0,1.79527370305550384521e+09,'round 2, prompt 2, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]');
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
INSERT INTO "rounds" VALUES(1,'published','{"quota": 6}',0,1,'34bfa22b2f9a893d874e8cdfb0cbe971e2541b80a00a1d80f6ca608c686f0b96','{"passed": true}','It learned.',1.79527370296810197831e+09,1.79527370304027080534e+09);
INSERT INTO "rounds" VALUES(2,'rating','{"quota": 12}',1,NULL,NULL,NULL,NULL,1.79527370305345773692e+09,1.79527370305664610858e+09);
CREATE TABLE samples (
	version_number INTEGER NOT NULL, 
	prompt_id INTEGER NOT NULL, 
	seed BIGINT NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_samples PRIMARY KEY (version_number, prompt_id, seed), 
	CONSTRAINT fk_samples_version_number_policy_versions FOREIGN KEY(version_number) REFERENCES policy_versions (number), 
	CONSTRAINT fk_samples_prompt_id_prompts FOREIGN KEY(prompt_id) REFERENCES prompts (id)
);
INSERT INTO "samples" VALUES(0,1,1,'a');
INSERT INTO "samples" VALUES(1,1,1,'b');
CREATE TABLE settings (
	name TEXT NOT NULL, 
	value JSON NOT NULL, 
	CONSTRAINT pk_settings PRIMARY KEY (name)
);
INSERT INTO "settings" VALUES('reference','{"kl": 0.0}');
CREATE TABLE snapshot_ratings (
	round_number INTEGER NOT NULL, 
	rating_id INTEGER NOT NULL, 
	CONSTRAINT pk_snapshot_ratings PRIMARY KEY (round_number, rating_id), 
	CONSTRAINT fk_snapshot_ratings_round_number_rounds FOREIGN KEY(round_number) REFERENCES rounds (number), 
	CONSTRAINT fk_snapshot_ratings_rating_id_ratings FOREIGN KEY(rating_id) REFERENCES ratings (id)
);
INSERT INTO "snapshot_ratings" VALUES(1,7);
INSERT INTO "snapshot_ratings" VALUES(1,2);
INSERT INTO "snapshot_ratings" VALUES(1,1);
INSERT INTO "snapshot_ratings" VALUES(1,3);
INSERT INTO "snapshot_ratings" VALUES(1,6);
CREATE TABLE steps (
	round_number INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	metrics JSON NOT NULL, 
	at DOUBLE NOT NULL, 
	CONSTRAINT pk_steps PRIMARY KEY (round_number, step), 
	CONSTRAINT fk_steps_round_number_rounds FOREIGN KEY(round_number) REFERENCES rounds (number)
);
INSERT INTO "steps" VALUES(1,1,'{"step": 1, "reward": 0.5}',1.79527370304839920998e+09);
CREATE TABLE users (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	name_key TEXT NOT NULL, 
	pseudonym TEXT NOT NULL, 
	role TEXT NOT NULL, 
	active BOOLEAN NOT NULL, 
	excluded BOOLEAN NOT NULL, 
	created_at DOUBLE NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_name_key UNIQUE (name_key), 
	CONSTRAINT uq_users_pseudonym UNIQUE (pseudonym), 
	CONSTRAINT ck_users_role CHECK (role IN ('rater', 'operator'))
);
INSERT INTO "users" VALUES(1,'Rater 0','rater 0','r-33eab6dedcd8','rater',1,0,1.79527370296096324916e+09);
INSERT INTO "users" VALUES(2,'Rater 1','rater 1','r-5170a6e155b2','rater',1,0,1.7952737029647629261e+09);
CREATE INDEX ix_links_user_id ON links (user_id);
CREATE UNIQUE INDEX uq_policy_versions_one_current ON policy_versions (status) WHERE status = 'current';
CREATE INDEX ix_responses_prompt_id ON responses (prompt_id);
CREATE INDEX ix_responses_round_number_prompt_id ON responses (round_number, prompt_id);
CREATE INDEX ix_ratings_response_id ON ratings (response_id);
CREATE INDEX ix_ratings_rater_id_given_at ON ratings (rater_id, given_at);
CREATE UNIQUE INDEX uq_ratings_one_current ON ratings (response_id, rater_id) WHERE is_current = 1;
CREATE INDEX ix_leases_response_id ON leases (response_id);
CREATE UNIQUE INDEX uq_jobs_one_active ON jobs (kind) WHERE state IN ('queued', 'running');
COMMIT;
