BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE events (
	id INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	actor TEXT NOT NULL, 
	what TEXT NOT NULL, 
	data JSON NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id)
);
INSERT INTO "events" VALUES(1,1.79527489750352859491e+09,'trainer','added version 0','{}');
INSERT INTO "events" VALUES(2,1.79527489750446224208e+09,'Rater 0','joined as rater','{"user": 1}');
INSERT INTO "events" VALUES(3,1.7952748975073037148e+09,'Rater 1','joined as rater','{"user": 2}');
INSERT INTO "events" VALUES(4,1.79527489750863099098e+09,'Rater 2','joined as rater','{"user": 3}');
INSERT INTO "events" VALUES(5,1.79527489751071882249e+09,'trainer','started round 1','{"version": 0}');
INSERT INTO "events" VALUES(6,1.79527489751768612857e+09,'trainer','round 1 is rating','{"decision": null}');
INSERT INTO "events" VALUES(7,1.79527489753945636752e+09,'Rater 0','took back a rating','{"rating": 3}');
INSERT INTO "events" VALUES(8,1.79527489755001378054e+09,'Rater 1','changed a rating','{"rating": 5}');
INSERT INTO "events" VALUES(9,1.7952748975597887039e+09,'Olga','changed the guideline','{"version": 2}');
INSERT INTO "events" VALUES(10,1.79527489756216120713e+09,'Olga','joined as operator','{"user": 4}');
INSERT INTO "events" VALUES(11,1.79527489756478452679e+09,'Rater 0','got a token','{"user": 1}');
INSERT INTO "events" VALUES(12,1.79527489756620383266e+09,'Olga','retired a prompt','{"prompt": 4}');
INSERT INTO "events" VALUES(13,1.79527489756745624541e+09,'Olga','tagged a prompt','{"prompt": 1}');
INSERT INTO "events" VALUES(14,1.79527489756937718391e+09,'Olga','sealed round 1','{"ratings": 8, "sha256": "112e1da6430d9731557a2e23cd1b319b23de18ea1327aebf05265b6384aa82c4"}');
INSERT INTO "events" VALUES(15,1.79527489758475399016e+09,'trainer','round 1 is training','{"decision": null}');
INSERT INTO "events" VALUES(16,1.79527489758717846875e+09,'trainer','published version 1','{"round": 1}');
INSERT INTO "events" VALUES(17,1.79527489759011554719e+09,'trainer','train job done','{"job": 1}');
INSERT INTO "events" VALUES(18,1.79527489759202313421e+09,'Olga','noted something about version 1','{}');
INSERT INTO "events" VALUES(19,1.79527489759407043456e+09,'trainer','started round 2','{"version": 1}');
INSERT INTO "events" VALUES(20,1.79527489759668636322e+09,'trainer','round 2 is rating','{"decision": null}');
CREATE TABLE guidelines (
	version INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	actor TEXT NOT NULL, 
	at DOUBLE NOT NULL, 
	CONSTRAINT pk_guidelines PRIMARY KEY (version)
);
INSERT INTO "guidelines" VALUES(2,'Be fair.','Olga',1.7952748975597887039e+09);
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
INSERT INTO "jobs" VALUES(1,'train','{"round": 1}','done','{}','{"state": "published"}','w',1.79527489759011554719e+09,1,0,NULL,'',1.79527489757951021201e+09,1.79527489759011554719e+09);
INSERT INTO "jobs" VALUES(2,'try','{"prompt": 1}','queued','{}',NULL,NULL,NULL,0,0,NULL,'',1.79527489759268355376e+09,1.79527489759268355376e+09);
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
INSERT INTO "leases" VALUES(3,12,1.79527489760005378718e+09,1.79527549760005378717e+09,NULL);
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
INSERT INTO "links" VALUES(1,4,'a6dcafd154ad039a09827f5ba488c9f688a93993968458dcd056b53c0073295a',1,1.79527489756348752978e+09,1.79527495756348752977e+09,NULL,NULL);
INSERT INTO "links" VALUES(2,1,'888d9eb89dd6555f7e0ea12d183306ff97745c8fcd2e7afc824577310a6859ec',0,1.79527489756464838982e+09,1.79527495756464838981e+09,NULL,NULL);
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
INSERT INTO "policy_versions" VALUES(1,0,'versions/0001','abababababababababababababababababababababababababababababababab','tiny','1','{}','current',1.0,'The first that ends by itself.');
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
INSERT INTO "prompts" VALUES(1,'[{"role": "user", "content": "Question 0?"}]','d3294c7911754dc93d8b433a834cd194107e5f87b9cc2ce74ec589773b9fb23d','["short", "easy"]','train','',1.79527489749975705142e+09,NULL);
INSERT INTO "prompts" VALUES(2,'[{"role": "user", "content": "Question 1?"}]','fbada4b2e1140937a2ef522d859da457ad755e2a7409a674ab2de36848421e9e','[]','train','',1.79527489749975705142e+09,NULL);
INSERT INTO "prompts" VALUES(3,'[{"role": "user", "content": "Question 2?"}]','d3bfc126e97a05303d20fb4061325ed28b9e8c5260c83befe9a31d4f3aebdee8','[]','train','',1.79527489749975705142e+09,NULL);
INSERT INTO "prompts" VALUES(4,'[{"role": "user", "content": "Question 3?"}]','fc2bfeda580218e14038afefbf4134585b74d0ceaf90760c077f081f469dd3d5','[]','train','',1.79527489749975705142e+09,1.79527489756520199776e+09);
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
	removed_sha256 TEXT, 
	CONSTRAINT pk_ratings PRIMARY KEY (id), 
	CONSTRAINT ck_ratings_revision CHECK (revision >= 1), 
	CONSTRAINT uq_ratings_rater_id_key UNIQUE (rater_id, "key"), 
	CONSTRAINT fk_ratings_response_id_responses FOREIGN KEY(response_id) REFERENCES responses (id), 
	CONSTRAINT fk_ratings_rater_id_users FOREIGN KEY(rater_id) REFERENCES users (id), 
	CONSTRAINT uq_ratings_response_id_rater_id_revision UNIQUE (response_id, rater_id, revision), 
	CONSTRAINT ck_ratings_score_with_verdict CHECK ((verdict = 'rated') = (score IS NOT NULL)), 
	CONSTRAINT ck_ratings_active_ms CHECK (active_ms >= 0), 
	CONSTRAINT fk_ratings_other_id_responses FOREIGN KEY(other_id) REFERENCES responses (id), 
	CONSTRAINT ck_ratings_verdict CHECK (verdict IN ('rated', 'skip', 'cannot_judge', 'broken', 'unsafe', 'both_bad', 'removed')), 
	CONSTRAINT ck_ratings_score_range CHECK (score IS NULL OR (scale = 'score_1_10' AND score BETWEEN 1 AND 10) OR (scale = 'score_0_10' AND score BETWEEN 0 AND 10) OR (scale = 'score_1_5' AND score BETWEEN 1 AND 5) OR (scale = 'score_1_7' AND score BETWEEN 1 AND 7) OR (scale = 'thumbs' AND score BETWEEN 0 AND 1) OR (scale = 'pair' AND score BETWEEN -1 AND 1)), 
	CONSTRAINT ck_ratings_pair_has_other CHECK ((scale = 'pair') = (other_id IS NOT NULL))
);
INSERT INTO "ratings" VALUES(1,7,1,3.0,'rated',100.0,105.0,1.79527489753054666525e+09,4000,1,1,'score_1_10',1,1,'1f104750-72f4-44bb-b2e9-1378cdd87168','dull — naïve','["short"]','{}',NULL,0,NULL);
INSERT INTO "ratings" VALUES(2,8,1,9.0,'rated',100.0,105.0,1.79527489753539824489e+09,4000,2,1,'score_1_10',1,1,'708ad53c-86f1-4934-bbdd-c67654545c48','','[]','{}',NULL,0,NULL);
INSERT INTO "ratings" VALUES(3,3,1,5.0,'rated',100.0,105.0,1.79527489753853845594e+09,4000,1,1,'score_1_10',1,0,'5b470986-3cd7-42d7-97b5-ce1e0d791195','','[]','{}',NULL,0,NULL);
INSERT INTO "ratings" VALUES(4,3,1,6.0,'rated',100.0,105.0,1.79527489754653739924e+09,4000,1,1,'score_1_10',2,1,'c77a491f-91c7-4883-bec5-4dc2fd4367a2','','[]','{}',NULL,0,NULL);
INSERT INTO "ratings" VALUES(5,4,2,2.0,'rated',100.0,105.0,1.79527489754914641381e+09,4000,1,1,'score_1_10',1,0,'aae21eb3-676c-4f63-9ee4-929d18a1b912','','[]','{"helpful": 1}',NULL,0,NULL);
INSERT INTO "ratings" VALUES(6,4,2,4.0,'rated',100.0,1.79527489755001378054e+09,1.79527489754914641381e+09,4000,1,1,'score_1_10',2,1,'aae21eb3-676c-4f63-9ee4-929d18a1b912/5','better on a second look','[]','{"helpful": 1}',NULL,0,NULL);
INSERT INTO "ratings" VALUES(7,3,2,NULL,'broken',100.0,105.0,1.79527489755425572392e+09,4000,2,1,'score_1_10',1,1,'34e97c6d-509c-4fe2-9107-9f886de55527','','[]','{}',NULL,0,NULL);
INSERT INTO "ratings" VALUES(8,2,3,NULL,'skip',100.0,105.0,1.79527489755682015414e+09,4000,1,1,'score_1_10',1,1,'e6e56794-f806-4ecc-a2c0-c928e61c4b42','','[]','{}',NULL,0,NULL);
INSERT INTO "ratings" VALUES(9,1,3,NULL,'removed',100.0,105.0,1.79527489755901598937e+09,4000,2,1,'score_1_10',1,1,'e640a2dc-0de3-43f2-adcc-da1ef0c8a701','','[]','{}',NULL,0,'1bf903925c6c30ff9f0a9797b0e24f2c998e5d0b0902812f72c8799297945390');
INSERT INTO "ratings" VALUES(10,1,4,-1.0,'rated',1.0,2.0,2.0,5,1,1,'pair',1,1,'pair','','[]','{}',2,1,NULL);
INSERT INTO "ratings" VALUES(11,13,2,7.0,'rated',100.0,105.0,1.79527489759925627712e+09,4000,1,1,'score_1_10',1,1,'5354bfe7-cf11-4191-bae1-19e072226dfb','','[]','{}',NULL,0,NULL);
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
INSERT INTO "responses" VALUES(1,1,1,0,0,0,0.7,'eos','train',2,1.0,1.79527489751512837412e+09,'round 1, prompt 0, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',-12.5,0.25);
INSERT INTO "responses" VALUES(2,1,1,0,1,1,0.7,'eos','train',2,1.0,1.79527489751512837412e+09,'round 1, prompt 0, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',-12.5,0.25);
INSERT INTO "responses" VALUES(3,2,1,0,2,2,0.7,'eos','train',2,1.0,1.79527489751512837412e+09,'round 1, prompt 1, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',-12.5,0.25);
INSERT INTO "responses" VALUES(4,2,1,0,3,3,0.7,'eos','train',2,1.0,1.79527489751512837412e+09,'round 1, prompt 1, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(5,3,1,0,4,4,0.7,'eos','train',2,1.0,1.79527489751512837412e+09,'round 1, prompt 2, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(6,3,1,0,5,5,0.7,'eos','train',2,1.0,1.79527489751512837412e+09,'round 1, prompt 2, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(7,4,1,0,6,6,0.7,'eos','train',2,1.0,1.79527489751512837412e+09,'round 1, prompt 3, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(8,4,1,0,7,7,0.7,'eos','train',2,1.0,1.79527489751512837412e+09,'round 1, prompt 3, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(9,1,2,1,0,0,0.7,'eos','train',1,1.0,1.79527489759573197366e+09,'round 2, prompt 0, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(10,1,2,1,1,1,0.7,'eos','train',1,1.0,1.79527489759573197366e+09,'round 2, prompt 0, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(11,2,2,1,2,2,0.7,'eos','train',1,1.0,1.79527489759573197366e+09,'round 2, prompt 1, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(12,2,2,1,3,3,0.7,'eos','train',1,1.0,1.79527489759573197366e+09,'round 2, prompt 1, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(13,3,2,1,4,4,0.7,'eos','train',1,1.0,1.79527489759573197366e+09,'round 2, prompt 2, response 0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(14,3,2,1,5,5,0.7,'eos','train',1,1.0,1.79527489759573197366e+09,'round 2, prompt 2, response 1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
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
INSERT INTO "rounds" VALUES(1,'published','{"quota": 12}',0,1,'112e1da6430d9731557a2e23cd1b319b23de18ea1327aebf05265b6384aa82c4','{"passed": true}','It learned.',1.79527489751071882249e+09,1.79527489758717846875e+09);
INSERT INTO "rounds" VALUES(2,'rating','{"quota": 12}',1,NULL,NULL,NULL,NULL,1.79527489759407043456e+09,1.79527489759668636322e+09);
CREATE TABLE samples (
	version_number INTEGER NOT NULL, 
	prompt_id INTEGER NOT NULL, 
	seed BIGINT NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_samples PRIMARY KEY (version_number, prompt_id, seed), 
	CONSTRAINT fk_samples_version_number_policy_versions FOREIGN KEY(version_number) REFERENCES policy_versions (number), 
	CONSTRAINT fk_samples_prompt_id_prompts FOREIGN KEY(prompt_id) REFERENCES prompts (id)
);
INSERT INTO "samples" VALUES(1,1,3,'hello');
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
INSERT INTO "snapshot_ratings" VALUES(1,9);
INSERT INTO "snapshot_ratings" VALUES(1,10);
INSERT INTO "snapshot_ratings" VALUES(1,8);
INSERT INTO "snapshot_ratings" VALUES(1,4);
INSERT INTO "snapshot_ratings" VALUES(1,7);
INSERT INTO "snapshot_ratings" VALUES(1,6);
INSERT INTO "snapshot_ratings" VALUES(1,1);
INSERT INTO "snapshot_ratings" VALUES(1,2);
CREATE TABLE steps (
	round_number INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	metrics JSON NOT NULL, 
	at DOUBLE NOT NULL, 
	CONSTRAINT pk_steps PRIMARY KEY (round_number, step), 
	CONSTRAINT fk_steps_round_number_rounds FOREIGN KEY(round_number) REFERENCES rounds (number)
);
INSERT INTO "steps" VALUES(1,0,'{"step": 0, "kl": 0.5, "loss": null}',1.7952748975858752727e+09);
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
INSERT INTO "users" VALUES(1,'Rater 0','rater 0','r-8de4bccbe90f','rater',1,0,1.79527489750446224208e+09);
INSERT INTO "users" VALUES(2,'Rater 1','rater 1','r-f15e9f8cb9a9','rater',1,0,1.7952748975073037148e+09);
INSERT INTO "users" VALUES(3,'Rater 2','rater 2','r-85b4d5fcc570','rater',1,0,1.79527489750863099098e+09);
INSERT INTO "users" VALUES(4,'Olga','olga','r-a226a59b9857','operator',1,0,1.79527489756216120713e+09);
CREATE INDEX ix_links_user_id ON links (user_id);
CREATE UNIQUE INDEX uq_policy_versions_one_current ON policy_versions (status) WHERE status = 'current';
CREATE INDEX ix_responses_prompt_id ON responses (prompt_id);
CREATE INDEX ix_ratings_response_id ON ratings (response_id);
CREATE UNIQUE INDEX uq_ratings_one_current ON ratings (response_id, rater_id) WHERE is_current = 1;
CREATE INDEX ix_ratings_rater_id_given_at ON ratings (rater_id, given_at);
CREATE INDEX ix_leases_response_id ON leases (response_id);
CREATE UNIQUE INDEX uq_jobs_one_active ON jobs (kind) WHERE state IN ('queued', 'running');
CREATE INDEX ix_snapshot_ratings_rating_id ON snapshot_ratings (rating_id);
CREATE INDEX ix_ratings_of_rater ON ratings (rater_id, active_ms, verdict, scale, score, submitted_at) WHERE is_current = 1;
CREATE INDEX ix_responses_of_round ON responses (round_number, prompt_id, id, version_number, overlap, stratum);
COMMIT;
