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
INSERT INTO "events" VALUES(1,1.79589783634194397922e+09,'import','imported 64 ratings','{"there_already": 0}');
INSERT INTO "events" VALUES(2,1.79589783637462615962e+09,'import','imported 5 ratings','{"there_already": 20}');
INSERT INTO "events" VALUES(3,1.79589783639316129685e+09,'import','imported 2 ratings','{"there_already": 0}');
INSERT INTO "events" VALUES(4,1.79589783640392613409e+09,'Cid','joined as rater','{"user": 12}');
INSERT INTO "events" VALUES(5,1.79589783640789341923e+09,'Cid (2)','joined as rater','{"user": 13}');
INSERT INTO "events" VALUES(6,1.79589783642133641239e+09,'trainer','added version 0','{}');
INSERT INTO "events" VALUES(7,1795897836.42473,'trainer','started round 1','{"version": 0}');
INSERT INTO "events" VALUES(8,1.79589783643988680841e+09,'trainer','round 1 is rating','{"decision": null}');
INSERT INTO "events" VALUES(9,1.79589783652034831046e+09,'Olga','sealed round 1','{"ratings": 76, "sha256": "9b16c27a8138fb2cae5e782515e8c0451f7eb2ed64d4c3f2b282139a543c6ab1"}');
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
INSERT INTO "links" VALUES(1,13,'3d0c7fbe79b0929509ccc7e788e0d3a4bd181180f4de7fc58404cfd7e97cbf8c',1,1.7958978364129164219e+09,1.79589789641291642185e+09,NULL,NULL,0);
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
INSERT INTO "prompts" VALUES(1,'[{"role": "user", "content": "Prompt 0"}]','2c87ae4b2308e05cbb9e2a7f033f88985a4b1e44240dc59caa7b83ca8d03ea9a','[]','train','a.jsonl',1.79589783634194397922e+09,NULL);
INSERT INTO "prompts" VALUES(2,'[{"role": "user", "content": "Prompt 1"}]','f7a1832a8bc29456959b3b0a768cff6c5db21e51aac12744ff15bedbc61e77a1','[]','train','a.jsonl',1.79589783634194397922e+09,NULL);
INSERT INTO "prompts" VALUES(3,'[{"role": "user", "content": "Prompt 2"}]','8d783ac2a3637fb124264a1ea382a24cb697504ac86ee1b73509c701bd0a6655','[]','train','a.jsonl',1.79589783634194397922e+09,NULL);
INSERT INTO "prompts" VALUES(4,'[{"role": "user", "content": "Prompt 8"}]','81a22b5a3c3347e02f6a1c959f32dbe70d9d464e5980be60d71610e4cbff972f','[]','train','c.jsonl',1.79589783639316129685e+09,NULL);
INSERT INTO "prompts" VALUES(5,'[{"role": "user", "content": "Prompt 9"}]','efdc53b2c4a9c1f77c56e29f2a1b7fc8d80776feb692a624a087c51bb191456b','[]','train','c.jsonl',1.79589783639316129685e+09,NULL);
INSERT INTO "prompts" VALUES(6,'[{"role": "user", "content": "Question 0?"}]','d3294c7911754dc93d8b433a834cd194107e5f87b9cc2ce74ec589773b9fb23d','[]','train','',1.79589783641600632662e+09,NULL);
INSERT INTO "prompts" VALUES(7,'[{"role": "user", "content": "Question 1?"}]','fbada4b2e1140937a2ef522d859da457ad755e2a7409a674ab2de36848421e9e','[]','train','',1.79589783641600632662e+09,NULL);
INSERT INTO "prompts" VALUES(8,'[{"role": "user", "content": "Question 2?"}]','d3bfc126e97a05303d20fb4061325ed28b9e8c5260c83befe9a31d4f3aebdee8','[]','train','',1.79589783641600632662e+09,NULL);
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
	CONSTRAINT uq_ratings_response_id_rater_id_revision UNIQUE (response_id, rater_id, revision), 
	CONSTRAINT ck_ratings_active_ms CHECK (active_ms >= 0), 
	CONSTRAINT ck_ratings_revision CHECK (revision >= 1), 
	CONSTRAINT ck_ratings_score_with_verdict CHECK ((verdict = 'rated') = (score IS NOT NULL)), 
	CONSTRAINT fk_ratings_rater_id_users FOREIGN KEY(rater_id) REFERENCES users (id), 
	CONSTRAINT uq_ratings_rater_id_key UNIQUE (rater_id, "key"), 
	CONSTRAINT fk_ratings_response_id_responses FOREIGN KEY(response_id) REFERENCES responses (id), 
	CONSTRAINT fk_ratings_other_id_responses FOREIGN KEY(other_id) REFERENCES responses (id), 
	CONSTRAINT ck_ratings_verdict CHECK (verdict IN ('rated', 'skip', 'cannot_judge', 'broken', 'unsafe', 'both_bad', 'removed')), 
	CONSTRAINT ck_ratings_score_range CHECK (score IS NULL OR (scale = 'score_1_10' AND score BETWEEN 1 AND 10) OR (scale = 'score_0_10' AND score BETWEEN 0 AND 10) OR (scale = 'score_1_5' AND score BETWEEN 1 AND 5) OR (scale = 'score_1_7' AND score BETWEEN 1 AND 7) OR (scale = 'thumbs' AND score BETWEEN 0 AND 1) OR (scale = 'pair' AND score BETWEEN -1 AND 1)), 
	CONSTRAINT ck_ratings_pair_has_other CHECK ((scale = 'pair') = (other_id IS NOT NULL))
);
INSERT INTO "ratings" VALUES(1,1,1,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:1:1','','[]','{}',2,0,'2:3b19735fa6ca3ab4b4bcd32e007da2d637151d124a6dff54601d73e686edd053');
INSERT INTO "ratings" VALUES(2,3,1,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:3:1','','[]','{}',2,0,'2:9b2958b604e9e421968a690779dba5566b6c39b3b735c118bec7d27964c43687');
INSERT INTO "ratings" VALUES(3,2,1,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:2:1','','[]','{}',4,0,'2:55a096d46286a4ba2ed7cf47d17958f714726fe0e0ed7b000a8c3d3ca8981023');
INSERT INTO "ratings" VALUES(4,3,2,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:3:1','','[]','{}',1,0,'2:168fef53c3546e69be40e8dbe2c00a2e4f2b0c8186144123410109391af7dd03');
INSERT INTO "ratings" VALUES(5,4,1,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:4:1','','[]','{}',1,0,'2:d58a8af377d4cbc5f5f82893d2d6b9f315d61bba26f431c81ffdf62c9783394e');
INSERT INTO "ratings" VALUES(6,5,1,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:5:1','','[]','{}',6,0,'2:4260659847a99916b451f5da4ecc3212e3855d0fa3fd05bc23fde8f1b80e9b47');
INSERT INTO "ratings" VALUES(7,7,1,-1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:7:1','','[]','{}',6,0,'2:d80a36a786f1fbc413de8a4c30441a312477342c100c1a546b4357a4c99a37be');
INSERT INTO "ratings" VALUES(8,8,1,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:8:1','','[]','{}',6,0,'2:174c8f76d95360d1ac8e2193420f48af64b05032f2c606528d8599145851be27');
INSERT INTO "ratings" VALUES(9,5,2,-1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:5:1','','[]','{}',7,0,'2:fda0f91d697e9b0a70efdc070c1616bd19b43c51c22befa7b50edb3b6df48f8e');
INSERT INTO "ratings" VALUES(10,8,2,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:8:1','','[]','{}',7,0,'2:d03a86d5980fc966f767ea98e2c8810d56a2cd4a45dbdbdc561f4bb2c9b87520');
INSERT INTO "ratings" VALUES(11,9,1,-1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:9:1','','[]','{}',10,0,'2:2debe28d6e65cf55057448983c5f1879acfe798add193d3c157fe6ec63664618');
INSERT INTO "ratings" VALUES(12,11,1,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:11:1','','[]','{}',10,0,'2:31450eb39050c38d858a6b76883a8b460f35ac8888fb86de574ce4cd2c8a8cc0');
INSERT INTO "ratings" VALUES(13,12,1,-1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:12:1','','[]','{}',10,0,'2:bda206d48e88f74d0497df6da0561a75c48c2cedbea3c2fc523dca42604c0220');
INSERT INTO "ratings" VALUES(14,13,1,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:13:1','','[]','{}',10,0,'2:5cee42e8f7087e7c1b49c6bcbad0cc31188d4e20d38638298bbb22cf4b77655e');
INSERT INTO "ratings" VALUES(15,14,1,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:14:1','','[]','{}',9,0,'2:4e2807be9ee86b84fc2780264c6619f173f91b2e2793119a7c5c79aa4a2c2e1d');
INSERT INTO "ratings" VALUES(16,12,2,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:12:1','','[]','{}',9,0,'2:34f4558c6a423557c062f040c96ceea7a3d882c215fd7cc5028a2c240809c17a');
INSERT INTO "ratings" VALUES(17,13,2,-1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:13:1','','[]','{}',9,0,'2:590e32370ae2ba4c7f97e56ed56376baa55741e21609820d3f8fa85f9c43737b');
INSERT INTO "ratings" VALUES(18,14,2,-1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:14:1','','[]','{}',11,0,'2:35f184182cca748b8ed933fedb725644a9a9d4580863b7c08063a66b9f87c990');
INSERT INTO "ratings" VALUES(19,11,2,-1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:11:1','','[]','{}',12,0,'2:882333dc0de58f58954840708195b26768b915eeff238d3ac0317b4900573c6f');
INSERT INTO "ratings" VALUES(20,13,3,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:13:1','','[]','{}',11,0,'2:2050f028e9feee4d2efe5e06dae9f3b44f55f520f77e8826228fd4eeea3c9aa7');
INSERT INTO "ratings" VALUES(21,14,3,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:14:1','','[]','{}',12,0,'2:a39f7767a9604557e9994ad83c0654018bfdb0184f68c92c56c2d3e44f4dbace');
INSERT INTO "ratings" VALUES(22,12,3,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:12:1','','[]','{}',13,0,'2:d969fa0388754bc7b20286d4f6eb2f263cbfa37e444fcf922ce04c7af8a0f4d6');
INSERT INTO "ratings" VALUES(23,1,4,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:1:1','','[]','{}',2,0,'2:eddeb57070def63a7370bbc9faccf897dab0366d20ec1833fcf59fe0cf0d0f18');
INSERT INTO "ratings" VALUES(24,3,4,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:3:1','','[]','{}',2,0,'2:c87f9f8275a23862c0bcbaa5df0f317dd6b266038e3f1b75c9d1b0cb1b2d05cd');
INSERT INTO "ratings" VALUES(25,2,4,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:2:1','','[]','{}',4,0,'2:ffcc781481d5fd9fa54f7a960da48f0c76cc6e8333fdf21668956afd25639461');
INSERT INTO "ratings" VALUES(26,3,5,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:3:1','','[]','{}',1,0,'2:529a85a339ecd39d9b0dcacf4c10e361a62233896cbc83edadae0fcd1124359f');
INSERT INTO "ratings" VALUES(27,4,4,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:4:1','','[]','{}',3,0,'2:45113578f8404081a32d0130bb31a60a19761f59443cf06036220699aa1733ab');
INSERT INTO "ratings" VALUES(28,5,4,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:5:1','','[]','{}',6,0,'2:96dbdb5854b60ea8e7d3a8b8b6809af754b8f41bc01757723660dce95f5c55a4');
INSERT INTO "ratings" VALUES(29,7,4,-1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:7:1','','[]','{}',6,0,'2:57abcc3eb11917cc5e208ed019b2c2919c4c290e4cbcbf8abed3e00deb44bf78');
INSERT INTO "ratings" VALUES(30,8,4,-1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:8:1','','[]','{}',5,0,'2:45a4dc8a9f8e7321dba404b2db1c5e6a1ad13980cd9c3fa63ba3bbdb7d64d754');
INSERT INTO "ratings" VALUES(31,8,5,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:8:1','','[]','{}',7,0,'2:9fc6b7412c95d2ce0aa8e0cff613e6f8353f1cf6454bb37b751a7b432126e581');
INSERT INTO "ratings" VALUES(32,9,4,-1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:9:1','','[]','{}',10,0,'2:6950f6db3a8356dbccb2864c643df6b442e7dde1c4040756956bdc882bbe147b');
INSERT INTO "ratings" VALUES(33,14,4,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:14:1','','[]','{}',10,0,'2:f4df5b681e2391e8ae88a423ed75977984695db4818dabb6529694f2ccd3d4d3');
INSERT INTO "ratings" VALUES(34,12,4,-1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:12:1','','[]','{}',10,0,'2:db24fe011e0a78f4cb20c0feb3ab2930fee72a7a7122f4220c1e8423b3331947');
INSERT INTO "ratings" VALUES(35,13,4,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:13:1','','[]','{}',10,0,'2:0619fc7ac705d326c3e149080fd45aac42d5b4bdcd032ca6298eac68f5606c0b');
INSERT INTO "ratings" VALUES(36,11,4,-1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:11:1','','[]','{}',9,0,'2:a7d0e842bb0e09fde4ebf8753ca368ff6c71b87aac35713b307f3b9fd8698308');
INSERT INTO "ratings" VALUES(37,14,5,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:14:1','','[]','{}',9,0,'2:1ea913a71f8e93c98ca1f403d260d968d882c4896ccbd5b7d84751cff7213dfb');
INSERT INTO "ratings" VALUES(38,12,5,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:12:1','','[]','{}',9,0,'2:2cfb9c9b1eacf5a435d458a1d6f723ff40314a88693c7a68ae38e9fbc7975722');
INSERT INTO "ratings" VALUES(39,13,5,-1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:13:1','','[]','{}',9,0,'2:937a4ee2e05d99b0bf316e28de84cfd13ca7cdbe2b0e89e90c5e9bccc321c2ea');
INSERT INTO "ratings" VALUES(40,11,5,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:11:1','','[]','{}',14,0,'2:8eaaaa2c90b8cc718d7a6b643d67ed97521df9ad096f4928c1005881f87ab411');
INSERT INTO "ratings" VALUES(41,12,6,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:12:1','','[]','{}',11,0,'2:b1a4b300a1699657540aad357a3dbe27c470e22be5a56ee5d756a9c4e26c5804');
INSERT INTO "ratings" VALUES(42,14,6,-1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:14:1','','[]','{}',13,0,'2:c0234bab571d4d9e8c149d7bef5687a98f5d5a7c1426b4f6241c418170723590');
INSERT INTO "ratings" VALUES(43,13,6,-1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:13:1','','[]','{}',12,0,'2:2d10f90c2ea74c9a440088ef7c4830d3f228f745537c0d190031652732d3fac1');
INSERT INTO "ratings" VALUES(44,1,7,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:1:1','','[]','{}',2,0,'2:777992e0690980e03c2f80b3b5f898666fb98498cc4f74c6511f77e4b8f30667');
INSERT INTO "ratings" VALUES(45,3,7,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:3:1','','[]','{}',2,0,'2:31444891f6545f9f418ad2e34f01d215c77659c4e5fd67ef3d67caf65a0d2ce4');
INSERT INTO "ratings" VALUES(46,4,7,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:4:1','','[]','{}',1,0,'2:0f5f4e8ebd218c0981d42f82a3b38b895846a65e1ec9cb769c7e71adbba7de5f');
INSERT INTO "ratings" VALUES(47,3,8,-1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:3:1','','[]','{}',4,0,'2:6f3ad5bfc35dc2e4a12d6e3b317b251f7a844db1024b6b70d0ee56d742703ef7');
INSERT INTO "ratings" VALUES(48,5,7,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:5:1','','[]','{}',6,0,'2:aeedf06abb3eb41afb61ebea22650d334a33623af1f74f2d7204c7bed18738d3');
INSERT INTO "ratings" VALUES(49,8,7,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:8:1','','[]','{}',6,0,'2:cdcf14ac991e4db8d470055462c0843a2c1099403e079583cbeb88cb538bd9bf');
INSERT INTO "ratings" VALUES(50,7,7,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:7:1','','[]','{}',5,0,'2:2e6fe96664bb073775773d6e652dc1a4f022fcc3115277580ce03765bd07c6bc');
INSERT INTO "ratings" VALUES(51,5,8,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:5:1','','[]','{}',8,0,'2:01b1a6e658ce8a19bffb33ef76a86df6b8401af1f2d307d4f3690bb39b632b3d');
INSERT INTO "ratings" VALUES(52,8,8,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:8:1','','[]','{}',7,0,'2:a24092e2b98fd7a65276d2b72f3d80f6139ef2331e61193e7b9603eccf40a487');
INSERT INTO "ratings" VALUES(53,11,7,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:11:1','','[]','{}',10,0,'2:debaa49d2796c30fc82535f39860ea729b6962f59a82adcf972438a31322b1d7');
INSERT INTO "ratings" VALUES(54,14,7,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:14:1','','[]','{}',10,0,'2:7f9dc541e222df698a480b7ea9b79412aa8f21a54275d32f72722a400c002fb6');
INSERT INTO "ratings" VALUES(55,12,7,-1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:12:1','','[]','{}',10,0,'2:711afeddd682cdef3edbaa196cf2711e63a02e3db8b1e0293c0ecf0ef3a01e05');
INSERT INTO "ratings" VALUES(56,13,7,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:13:1','','[]','{}',10,0,'2:996570ca37ee2654942411ff0467a150409cfd1a4204b2e51dd7c3a209b5ab9a');
INSERT INTO "ratings" VALUES(57,9,7,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:9:1','','[]','{}',11,0,'2:21c41cd44c97ab1288e449c6c339574effa09965daf2af8b86aef35b85dbb717');
INSERT INTO "ratings" VALUES(58,14,8,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:14:1','','[]','{}',9,0,'2:0d0c6a31bd9c7efd0eac8b79291ebb9e8627ac69d42f67c92956242397ad8bb4');
INSERT INTO "ratings" VALUES(59,12,8,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:12:1','','[]','{}',9,0,'2:60418c12fd41ebcad89d101d2c28dc53f53f59b5123c6deed578901aec67e222');
INSERT INTO "ratings" VALUES(60,11,8,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:11:1','','[]','{}',14,0,'2:1f7ee3e97ebb4b5fe5a979efcbf04adad1118562f9117d5a055b6050332c062e');
INSERT INTO "ratings" VALUES(61,13,8,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:13:1','','[]','{}',11,0,'2:0c5015f5baaad51ce3fffb624a5ee3f8da76071d3a32e6c2d87c131a041019e8');
INSERT INTO "ratings" VALUES(62,14,9,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:14:1','','[]','{}',12,0,'2:c196c54ef2c5c2f64b1a35aed53e355d8af1da1d7c0fe93cc04a80ac8b5779aa');
INSERT INTO "ratings" VALUES(63,13,9,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:13:1','','[]','{}',14,0,'2:32c6507a3d91db9901736718b1366d06c3c6abf53b0267a18543fa90c1532a86');
INSERT INTO "ratings" VALUES(64,12,9,1.0,'rated',1.79589783634194397922e+09,1.79589783634194397922e+09,1.79589783634194397922e+09,0,1,1,'pair',1,1,'import:12:1','','[]','{}',13,0,'2:e954c99168e03f2012c3d87311ebd96b0f09cb2702643226fd41af23f57a157a');
INSERT INTO "ratings" VALUES(65,10,7,1.0,'rated',1.79589783637462615962e+09,1.79589783637462615962e+09,1.79589783637462615962e+09,0,1,1,'pair',1,1,'import:10:1','','[]','{}',12,0,'2:327cc086fa474ced4f8a051f0f2e2b203d24d4443b1328388060b922e1007393');
INSERT INTO "ratings" VALUES(66,6,7,-1.0,'rated',1.79589783637462615962e+09,1.79589783637462615962e+09,1.79589783637462615962e+09,0,1,1,'pair',1,1,'import:6:1','','[]','{}',8,0,'2:761b9e7fc313e3a88fbeebda7d8e46bfc6b81db583dbbdad66dbc952fcf304a7');
INSERT INTO "ratings" VALUES(67,10,4,1.0,'rated',1.79589783637462615962e+09,1.79589783637462615962e+09,1.79589783637462615962e+09,0,1,1,'pair',1,1,'import:10:1','','[]','{}',12,0,'2:8f072d8c8d20de8efafaf9abe90ccb6f850bf90e2304092fe9bf2e401c8947ff');
INSERT INTO "ratings" VALUES(68,10,1,1.0,'rated',1.79589783637462615962e+09,1.79589783637462615962e+09,1.79589783637462615962e+09,0,1,1,'pair',1,1,'import:10:1','','[]','{}',12,0,'2:11c80727b25fe749a8793aa5d4eb294b2a0d3bfef3df054fcfb667c86cd10eae');
INSERT INTO "ratings" VALUES(69,15,1,-1.0,'rated',1.79589783637462615962e+09,1.79589783637462615962e+09,1.79589783637462615962e+09,0,1,1,'pair',1,1,'import:15:1','','[]','{}',1,0,'2:c50fbd331bd586869a30c086b7fe86d548c61758845c0643909e7888ebf7e9cf');
INSERT INTO "ratings" VALUES(70,16,10,-1.0,'rated',1.79589783639316129685e+09,1.79589783639316129685e+09,1.79589783639316129685e+09,0,1,1,'pair',1,1,'import:16:1','','[]','{}',17,0,'2:5c50faeeb5a8f1b577c2c40c8b0d0a904c448469cfaa5c1fd2388e0869ecb674');
INSERT INTO "ratings" VALUES(71,18,11,-1.0,'rated',1.79589783639316129685e+09,1.79589783639316129685e+09,1.79589783639316129685e+09,0,1,1,'pair',1,1,'import:18:1','','[]','{}',19,0,'2:0a9bcd298a94757ebbb313d086801172b749c75ec44cf77148001491b439fd35');
INSERT INTO "ratings" VALUES(72,25,12,-1.0,'rated',190.0,200.0,1.79589783646396112439e+09,4000,1,1,'pair',1,1,'fc58416b-be83-4dbd-a36b-fae00aee03b5','','[]','{}',24,1,'2:c938c25e5608e8c0e668739ecc072f8e62b63e3a13535a8ac1a80fd3b915415e');
INSERT INTO "ratings" VALUES(73,24,12,-1.0,'rated',191.0,201.0,1.79589783647592091562e+09,4000,2,1,'pair',1,1,'7430d55e-1e28-44b4-8aaf-cd903e855d5b','','[]','{}',25,0,'2:1e1eb65877e266b14b67e29d1bfcacd691565eeb6c23ab746f01e77d3ded37ec');
INSERT INTO "ratings" VALUES(74,22,12,1.0,'rated',192.0,202.0,1.7958978364839396477e+09,4000,1,1,'pair',1,1,'fab60430-35df-46a8-959b-fe5f365ac3ec','','[]','{}',23,1,'2:c2913af58d0b2cb15ea600b8bdeec09e4bdf12f2170b584390ace659d0e99518');
INSERT INTO "ratings" VALUES(75,23,12,-1.0,'rated',193.0,203.0,1.79589783649193286893e+09,4000,2,1,'pair',1,1,'288d5036-0f46-45a9-b5f2-8e51fdec49a6','','[]','{}',22,0,'2:2aabadde5bd2caadf7e81982041f6981c229892e494ec269cdda9712f108766e');
INSERT INTO "ratings" VALUES(76,21,12,0.0,'rated',194.0,204.0,1.79589783650187921528e+09,4000,1,1,'pair',1,1,'aed9095b-ebfe-43c2-8c4f-46831756723f','','[]','{}',20,0,'2:47aeaa84c7e59ebf215e85174db3fff55414ec9b13b93663999830e9d4ada3de');
INSERT INTO "ratings" VALUES(77,20,13,1.0,'rated',290.0,300.0,1.7958978365359272957e+09,4000,1,1,'pair',1,1,'4cd398dc-23c7-44f3-96fa-f9c19720343a','','[]','{}',21,0,NULL);
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
INSERT INTO "responses" VALUES(1,1,0,NULL,0,0,1.0,'eos','imported',1,1.0,1.79589783634194397922e+09,'answer 1','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(2,1,0,NULL,1,0,1.0,'eos','imported',1,1.0,1.79589783634194397922e+09,'answer 0','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(3,1,0,NULL,2,0,1.0,'eos','imported',1,1.0,1.79589783634194397922e+09,'answer 2','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(4,1,0,NULL,3,0,1.0,'eos','imported',1,1.0,1.79589783634194397922e+09,'answer 3','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(5,2,0,NULL,4,0,1.0,'eos','imported',1,1.0,1.79589783634194397922e+09,'answer 1','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(6,2,0,NULL,5,0,1.0,'eos','imported',1,1.0,1.79589783634194397922e+09,'answer 0','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(7,2,0,NULL,6,0,1.0,'eos','imported',1,1.0,1.79589783634194397922e+09,'answer 2','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(8,2,0,NULL,7,0,1.0,'eos','imported',1,1.0,1.79589783634194397922e+09,'answer 3','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(9,3,0,NULL,8,0,1.0,'eos','imported',1,1.0,1.79589783634194397922e+09,'answer 1','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(10,3,0,NULL,9,0,1.0,'eos','imported',1,1.0,1.79589783634194397922e+09,'answer 0','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(11,3,0,NULL,10,0,1.0,'eos','imported',1,1.0,1.79589783634194397922e+09,'answer 2','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(12,3,0,NULL,11,0,1.0,'eos','imported',1,1.0,1.79589783634194397922e+09,'answer 4','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(13,3,0,NULL,12,0,1.0,'eos','imported',1,1.0,1.79589783634194397922e+09,'answer 5','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(14,3,0,NULL,13,0,1.0,'eos','imported',1,1.0,1.79589783634194397922e+09,'answer 3','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(15,1,0,NULL,14,0,1.0,'eos','imported',1,1.0,1.79589783637462615962e+09,'answer 4','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(16,4,0,NULL,15,0,1.0,'eos','imported',1,1.0,1.79589783639316129685e+09,'x','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(17,4,0,NULL,16,0,1.0,'eos','imported',1,1.0,1.79589783639316129685e+09,'y','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(18,5,0,NULL,17,0,1.0,'eos','imported',1,1.0,1.79589783639316129685e+09,'v','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(19,5,0,NULL,18,0,1.0,'eos','imported',1,1.0,1.79589783639316129685e+09,'w','[]','[]','[]',NULL,NULL);
INSERT INTO "responses" VALUES(20,6,1,0,0,0,0.7,'eos','train',1,1.0,1795897836.43334,'response 0.0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(21,6,1,0,1,1,0.7,'eos','train',1,1.0,1795897836.43334,'response 0.1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(22,7,1,0,2,2,0.7,'eos','train',1,1.0,1795897836.43334,'response 1.0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(23,7,1,0,3,3,0.7,'eos','train',1,1.0,1795897836.43334,'response 1.1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(24,8,1,0,4,4,0.7,'eos','train',1,1.0,1795897836.43334,'response 2.0','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
INSERT INTO "responses" VALUES(25,8,1,0,5,5,0.7,'eos','train',1,1.0,1795897836.43334,'response 2.1','[1, 2]','[3, 4, 5]','[-0.1, -0.2, -0.3]',NULL,NULL);
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
INSERT INTO "rounds" VALUES(0,'published','{}',NULL,NULL,NULL,NULL,NULL,1.79589783634194397922e+09,1.79589783634194397922e+09);
INSERT INTO "rounds" VALUES(1,'sealed','{"quota": 4}',0,NULL,'9b16c27a8138fb2cae5e782515e8c0451f7eb2ed64d4c3f2b282139a543c6ab1',NULL,NULL,1795897836.42473,1.79589783652034831046e+09);
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
INSERT INTO "settings" VALUES('scale','"pair"');
CREATE TABLE snapshot_ratings (
	round_number INTEGER NOT NULL, 
	rating_id INTEGER NOT NULL, 
	CONSTRAINT pk_snapshot_ratings PRIMARY KEY (round_number, rating_id), 
	CONSTRAINT fk_snapshot_ratings_round_number_rounds FOREIGN KEY(round_number) REFERENCES rounds (number), 
	CONSTRAINT fk_snapshot_ratings_rating_id_ratings FOREIGN KEY(rating_id) REFERENCES ratings (id)
);
INSERT INTO "snapshot_ratings" VALUES(1,1);
INSERT INTO "snapshot_ratings" VALUES(1,23);
INSERT INTO "snapshot_ratings" VALUES(1,44);
INSERT INTO "snapshot_ratings" VALUES(1,3);
INSERT INTO "snapshot_ratings" VALUES(1,25);
INSERT INTO "snapshot_ratings" VALUES(1,2);
INSERT INTO "snapshot_ratings" VALUES(1,4);
INSERT INTO "snapshot_ratings" VALUES(1,24);
INSERT INTO "snapshot_ratings" VALUES(1,26);
INSERT INTO "snapshot_ratings" VALUES(1,45);
INSERT INTO "snapshot_ratings" VALUES(1,47);
INSERT INTO "snapshot_ratings" VALUES(1,5);
INSERT INTO "snapshot_ratings" VALUES(1,27);
INSERT INTO "snapshot_ratings" VALUES(1,46);
INSERT INTO "snapshot_ratings" VALUES(1,6);
INSERT INTO "snapshot_ratings" VALUES(1,9);
INSERT INTO "snapshot_ratings" VALUES(1,28);
INSERT INTO "snapshot_ratings" VALUES(1,48);
INSERT INTO "snapshot_ratings" VALUES(1,51);
INSERT INTO "snapshot_ratings" VALUES(1,66);
INSERT INTO "snapshot_ratings" VALUES(1,7);
INSERT INTO "snapshot_ratings" VALUES(1,29);
INSERT INTO "snapshot_ratings" VALUES(1,50);
INSERT INTO "snapshot_ratings" VALUES(1,8);
INSERT INTO "snapshot_ratings" VALUES(1,10);
INSERT INTO "snapshot_ratings" VALUES(1,30);
INSERT INTO "snapshot_ratings" VALUES(1,31);
INSERT INTO "snapshot_ratings" VALUES(1,49);
INSERT INTO "snapshot_ratings" VALUES(1,52);
INSERT INTO "snapshot_ratings" VALUES(1,11);
INSERT INTO "snapshot_ratings" VALUES(1,32);
INSERT INTO "snapshot_ratings" VALUES(1,57);
INSERT INTO "snapshot_ratings" VALUES(1,68);
INSERT INTO "snapshot_ratings" VALUES(1,67);
INSERT INTO "snapshot_ratings" VALUES(1,65);
INSERT INTO "snapshot_ratings" VALUES(1,12);
INSERT INTO "snapshot_ratings" VALUES(1,19);
INSERT INTO "snapshot_ratings" VALUES(1,36);
INSERT INTO "snapshot_ratings" VALUES(1,40);
INSERT INTO "snapshot_ratings" VALUES(1,53);
INSERT INTO "snapshot_ratings" VALUES(1,60);
INSERT INTO "snapshot_ratings" VALUES(1,13);
INSERT INTO "snapshot_ratings" VALUES(1,16);
INSERT INTO "snapshot_ratings" VALUES(1,22);
INSERT INTO "snapshot_ratings" VALUES(1,34);
INSERT INTO "snapshot_ratings" VALUES(1,38);
INSERT INTO "snapshot_ratings" VALUES(1,41);
INSERT INTO "snapshot_ratings" VALUES(1,55);
INSERT INTO "snapshot_ratings" VALUES(1,59);
INSERT INTO "snapshot_ratings" VALUES(1,64);
INSERT INTO "snapshot_ratings" VALUES(1,14);
INSERT INTO "snapshot_ratings" VALUES(1,17);
INSERT INTO "snapshot_ratings" VALUES(1,20);
INSERT INTO "snapshot_ratings" VALUES(1,35);
INSERT INTO "snapshot_ratings" VALUES(1,39);
INSERT INTO "snapshot_ratings" VALUES(1,43);
INSERT INTO "snapshot_ratings" VALUES(1,56);
INSERT INTO "snapshot_ratings" VALUES(1,61);
INSERT INTO "snapshot_ratings" VALUES(1,63);
INSERT INTO "snapshot_ratings" VALUES(1,15);
INSERT INTO "snapshot_ratings" VALUES(1,18);
INSERT INTO "snapshot_ratings" VALUES(1,21);
INSERT INTO "snapshot_ratings" VALUES(1,33);
INSERT INTO "snapshot_ratings" VALUES(1,37);
INSERT INTO "snapshot_ratings" VALUES(1,42);
INSERT INTO "snapshot_ratings" VALUES(1,54);
INSERT INTO "snapshot_ratings" VALUES(1,58);
INSERT INTO "snapshot_ratings" VALUES(1,62);
INSERT INTO "snapshot_ratings" VALUES(1,69);
INSERT INTO "snapshot_ratings" VALUES(1,70);
INSERT INTO "snapshot_ratings" VALUES(1,71);
INSERT INTO "snapshot_ratings" VALUES(1,76);
INSERT INTO "snapshot_ratings" VALUES(1,74);
INSERT INTO "snapshot_ratings" VALUES(1,75);
INSERT INTO "snapshot_ratings" VALUES(1,73);
INSERT INTO "snapshot_ratings" VALUES(1,72);
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
INSERT INTO "users" VALUES(1,'a1','a1','r-70a0c629d957','rater',1,0,1.79589783634194397922e+09,'a5d7995048ed6a95f092442c83b68028',0);
INSERT INTO "users" VALUES(2,'a1 (2)','a1 (2)','r-16e855f96e1c','rater',1,0,1.79589783634194397922e+09,'cc83d5ec01370f6819a87ce8ca5b35d4',0);
INSERT INTO "users" VALUES(3,'a1 (3)','a1 (3)','r-6285c52d55f2','rater',1,0,1.79589783634194397922e+09,'786e3286561cdf2aaa403edd7576636e',0);
INSERT INTO "users" VALUES(4,'a2','a2','r-5ba7d17a1d09','rater',1,0,1.79589783634194397922e+09,'15fd23330b69ac041f59d22a2419294a',0);
INSERT INTO "users" VALUES(5,'a2 (2)','a2 (2)','r-f5597ada9db0','rater',1,0,1.79589783634194397922e+09,'66d2ca2485cc00171855bcc234157812',0);
INSERT INTO "users" VALUES(6,'a2 (3)','a2 (3)','r-ac384d6f3aed','rater',1,0,1.79589783634194397922e+09,'c6cb26b2897ba7a0b3e8df30d7be626c',0);
INSERT INTO "users" VALUES(7,'Bea','bea','r-e022668388c0','rater',1,0,1.79589783634194397922e+09,'025abd0d5396234352e9b48a44de0e71',0);
INSERT INTO "users" VALUES(8,'Bea (2)','bea (2)','r-26f4c01ee93d','rater',1,0,1.79589783634194397922e+09,'b341631315f932d56e6d4ba512675512',0);
INSERT INTO "users" VALUES(9,'Bea (3)','bea (3)','r-58e8bcba668f','rater',1,0,1.79589783634194397922e+09,'0b659552946e635f72300c9e090a7783',0);
INSERT INTO "users" VALUES(10,'Bo','bo','r-95d8edd273cb','rater',1,0,1.79589783639316129685e+09,'60641a04fb5962775019f327bfac3121',0);
INSERT INTO "users" VALUES(11,'Bo (2)','bo (2)','r-224e1dda3e06','rater',1,0,1.79589783639316129685e+09,'44b0dbed090ca15551e02e671bfe173a',0);
INSERT INTO "users" VALUES(12,'Cid','cid','r-c66b326ff256','rater',1,0,1.79589783640392613409e+09,'a53dbc42129bcb836f9a2be03f7cdaf7',0);
INSERT INTO "users" VALUES(13,'Cid (2)','cid (2)','r-c36c800c7e47','rater',1,0,1.79589783640789341923e+09,'13dc64ad2859185b56accc6e4733b792',0);
CREATE INDEX ix_links_user_id ON links (user_id);
CREATE UNIQUE INDEX uq_policy_versions_one_current ON policy_versions (status) WHERE status = 'current';
CREATE INDEX ix_responses_prompt_id ON responses (prompt_id);
CREATE INDEX ix_ratings_rater_id_given_at ON ratings (rater_id, given_at);
CREATE INDEX ix_ratings_response_id ON ratings (response_id);
CREATE UNIQUE INDEX uq_ratings_one_current ON ratings (response_id, rater_id) WHERE is_current = 1;
CREATE INDEX ix_leases_response_id ON leases (response_id);
CREATE UNIQUE INDEX uq_jobs_one_active ON jobs (kind) WHERE state IN ('queued', 'running');
CREATE INDEX ix_snapshot_ratings_rating_id ON snapshot_ratings (rating_id);
CREATE INDEX ix_ratings_of_rater ON ratings (rater_id, active_ms, verdict, scale, score, submitted_at) WHERE is_current = 1;
CREATE INDEX ix_responses_of_round ON responses (round_number, prompt_id, id, version_number, overlap, stratum);
CREATE INDEX ix_ratings_unhashed ON ratings (id) WHERE sha256 IS NULL;
COMMIT;
