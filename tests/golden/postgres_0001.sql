SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.events (
    id integer NOT NULL,
    at double precision NOT NULL,
    actor text NOT NULL,
    what text NOT NULL,
    data json NOT NULL
);
CREATE SEQUENCE public.events_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.events_id_seq OWNED BY public.events.id;
CREATE TABLE public.guidelines (
    version integer NOT NULL,
    text text NOT NULL,
    actor text NOT NULL,
    at double precision NOT NULL
);
CREATE TABLE public.jobs (
    id integer NOT NULL,
    kind text NOT NULL,
    payload json NOT NULL,
    state text NOT NULL,
    progress json NOT NULL,
    result json,
    worker text,
    heartbeat_at double precision,
    attempts integer NOT NULL,
    cancel_requested boolean NOT NULL,
    error text,
    log_tail text NOT NULL,
    created_at double precision NOT NULL,
    updated_at double precision NOT NULL,
    CONSTRAINT ck_jobs_kind CHECK ((kind = ANY (ARRAY['generate'::text, 'train'::text]))),
    CONSTRAINT ck_jobs_state CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'done'::text, 'failed'::text, 'cancelled'::text])))
);
CREATE SEQUENCE public.jobs_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.jobs_id_seq OWNED BY public.jobs.id;
CREATE TABLE public.leases (
    rater_id integer NOT NULL,
    response_id integer NOT NULL,
    shown_at double precision NOT NULL,
    until double precision NOT NULL
);
CREATE TABLE public.links (
    id integer NOT NULL,
    user_id integer NOT NULL,
    secret_sha256 text NOT NULL,
    once boolean NOT NULL,
    created_at double precision NOT NULL,
    expires_at double precision NOT NULL,
    used_at double precision,
    revoked_at double precision
);
CREATE SEQUENCE public.links_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.links_id_seq OWNED BY public.links.id;
CREATE TABLE public.policy_versions (
    number integer NOT NULL,
    parent integer,
    folder text NOT NULL,
    sha256 text NOT NULL,
    base_model text NOT NULL,
    base_revision text NOT NULL,
    metrics json NOT NULL,
    status text NOT NULL,
    created_at double precision NOT NULL,
    notes text NOT NULL,
    CONSTRAINT ck_policy_versions_status CHECK ((status = ANY (ARRAY['candidate'::text, 'current'::text, 'kept'::text, 'rolled_back'::text])))
);
CREATE TABLE public.prompts (
    id integer NOT NULL,
    messages json NOT NULL,
    sha256 text NOT NULL,
    tags json NOT NULL,
    split text NOT NULL,
    source text NOT NULL,
    created_at double precision NOT NULL,
    CONSTRAINT ck_prompts_split CHECK ((split = ANY (ARRAY['train'::text, 'holdout'::text])))
);
CREATE SEQUENCE public.prompts_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.prompts_id_seq OWNED BY public.prompts.id;
CREATE TABLE public.ratings (
    id integer NOT NULL,
    response_id integer NOT NULL,
    rater_id integer NOT NULL,
    score double precision,
    verdict text NOT NULL,
    shown_at double precision NOT NULL,
    submitted_at double precision NOT NULL,
    given_at double precision NOT NULL,
    active_ms bigint NOT NULL,
    "position" integer NOT NULL,
    guideline_version integer NOT NULL,
    scale text NOT NULL,
    revision integer NOT NULL,
    is_current boolean NOT NULL,
    key text NOT NULL,
    comment text NOT NULL,
    flags json NOT NULL,
    attributes json NOT NULL,
    CONSTRAINT ck_ratings_active_ms CHECK ((active_ms >= 0)),
    CONSTRAINT ck_ratings_revision CHECK ((revision >= 1)),
    CONSTRAINT ck_ratings_score_range CHECK (((score IS NULL) OR ((scale = 'score_1_10'::text) AND ((score >= (1)::double precision) AND (score <= (10)::double precision))) OR ((scale = 'score_0_10'::text) AND ((score >= (0)::double precision) AND (score <= (10)::double precision))) OR ((scale = 'score_1_5'::text) AND ((score >= (1)::double precision) AND (score <= (5)::double precision))) OR ((scale = 'score_1_7'::text) AND ((score >= (1)::double precision) AND (score <= (7)::double precision))) OR ((scale = 'thumbs'::text) AND ((score >= (0)::double precision) AND (score <= (1)::double precision))))),
    CONSTRAINT ck_ratings_score_with_verdict CHECK (((verdict = 'rated'::text) = (score IS NOT NULL))),
    CONSTRAINT ck_ratings_verdict CHECK ((verdict = ANY (ARRAY['rated'::text, 'skip'::text, 'cannot_judge'::text, 'broken'::text, 'unsafe'::text])))
);
CREATE SEQUENCE public.ratings_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.ratings_id_seq OWNED BY public.ratings.id;
CREATE TABLE public.responses (
    id integer NOT NULL,
    prompt_id integer NOT NULL,
    round_number integer NOT NULL,
    version_number integer,
    slot integer NOT NULL,
    seed bigint NOT NULL,
    temperature double precision NOT NULL,
    finish_reason text NOT NULL,
    stratum text NOT NULL,
    overlap integer NOT NULL,
    propensity double precision NOT NULL,
    created_at double precision NOT NULL,
    text text NOT NULL,
    prompt_ids json NOT NULL,
    token_ids json NOT NULL,
    logprobs json NOT NULL,
    CONSTRAINT ck_responses_finish_reason CHECK ((finish_reason = ANY (ARRAY['eos'::text, 'length'::text]))),
    CONSTRAINT ck_responses_overlap CHECK ((overlap >= 1)),
    CONSTRAINT ck_responses_stratum CHECK ((stratum = ANY (ARRAY['train'::text, 'calibration'::text, 'holdout'::text, 'anchor'::text, 'control'::text, 'imported'::text]))),
    CONSTRAINT ck_responses_written_by CHECK (((round_number = 0) = (version_number IS NULL)))
);
CREATE SEQUENCE public.responses_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.responses_id_seq OWNED BY public.responses.id;
CREATE TABLE public.rounds (
    number integer NOT NULL,
    state text NOT NULL,
    config json NOT NULL,
    version_number integer,
    published_version integer,
    snapshot_sha256 text,
    gate json,
    decision text,
    created_at double precision NOT NULL,
    updated_at double precision NOT NULL,
    CONSTRAINT ck_rounds_state CHECK ((state = ANY (ARRAY['generating'::text, 'rating'::text, 'sealed'::text, 'training'::text, 'refused'::text, 'failed'::text, 'published'::text, 'rolled_back'::text]))),
    CONSTRAINT ck_rounds_written_by CHECK (((number = 0) = (version_number IS NULL)))
);
CREATE TABLE public.samples (
    version_number integer NOT NULL,
    prompt_id integer NOT NULL,
    seed bigint NOT NULL,
    text text NOT NULL
);
CREATE TABLE public.settings (
    name text NOT NULL,
    value json NOT NULL
);
CREATE TABLE public.snapshot_ratings (
    round_number integer NOT NULL,
    rating_id integer NOT NULL
);
CREATE TABLE public.steps (
    round_number integer NOT NULL,
    step integer NOT NULL,
    metrics json NOT NULL,
    at double precision NOT NULL
);
CREATE TABLE public.users (
    id integer NOT NULL,
    name text NOT NULL,
    name_key text NOT NULL,
    pseudonym text NOT NULL,
    role text NOT NULL,
    active boolean NOT NULL,
    excluded boolean NOT NULL,
    created_at double precision NOT NULL,
    CONSTRAINT ck_users_role CHECK ((role = ANY (ARRAY['rater'::text, 'operator'::text])))
);
CREATE SEQUENCE public.users_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.users_id_seq OWNED BY public.users.id;
ALTER TABLE ONLY public.events ALTER COLUMN id SET DEFAULT nextval('public.events_id_seq'::regclass);
ALTER TABLE ONLY public.jobs ALTER COLUMN id SET DEFAULT nextval('public.jobs_id_seq'::regclass);
ALTER TABLE ONLY public.links ALTER COLUMN id SET DEFAULT nextval('public.links_id_seq'::regclass);
ALTER TABLE ONLY public.prompts ALTER COLUMN id SET DEFAULT nextval('public.prompts_id_seq'::regclass);
ALTER TABLE ONLY public.ratings ALTER COLUMN id SET DEFAULT nextval('public.ratings_id_seq'::regclass);
ALTER TABLE ONLY public.responses ALTER COLUMN id SET DEFAULT nextval('public.responses_id_seq'::regclass);
ALTER TABLE ONLY public.users ALTER COLUMN id SET DEFAULT nextval('public.users_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.events VALUES (1, 1795273702.9596243, 'trainer', 'added version 0', '{}');
INSERT INTO public.events VALUES (2, 1795273702.9609632, 'Rater 0', 'joined as rater', '{"user": 1}');
INSERT INTO public.events VALUES (3, 1795273702.964763, 'Rater 1', 'joined as rater', '{"user": 2}');
INSERT INTO public.events VALUES (4, 1795273702.968102, 'trainer', 'started round 1', '{"version": 0}');
INSERT INTO public.events VALUES (5, 1795273702.9768844, 'trainer', 'round 1 is rating', '{"decision": null}');
INSERT INTO public.events VALUES (6, 1795273703.010666, 'Rater 0', 'took back a rating', '{"rating": 5}');
INSERT INTO public.events VALUES (7, 1795273703.02423, 'Rater 1', 'changed a rating', '{"rating": 4}');
INSERT INTO public.events VALUES (8, 1795273703.0288396, 'operator', 'changed the guideline', '{"version": 2}');
INSERT INTO public.events VALUES (9, 1795273703.0338845, 'operator', 'sealed round 1', '{"ratings": 5, "sha256": "34bfa22b2f9a893d874e8cdfb0cbe971e2541b80a00a1d80f6ca608c686f0b96"}');
INSERT INTO public.events VALUES (10, 1795273703.0386474, 'trainer', 'round 1 is training', '{"decision": null}');
INSERT INTO public.events VALUES (11, 1795273703.0402708, 'trainer', 'published version 1', '{"round": 1}');
INSERT INTO public.events VALUES (12, 1795273703.0534577, 'trainer', 'started round 2', '{"version": 1}');
INSERT INTO public.events VALUES (13, 1795273703.056646, 'trainer', 'round 2 is rating', '{"decision": null}');
INSERT INTO public.guidelines VALUES (2, 'Be kind.', 'operator', 1795273703.0288396);
INSERT INTO public.jobs VALUES (1, 'generate', '{}', 'queued', '{}', NULL, NULL, NULL, 0, false, NULL, '', 1795273703.044237, 1795273703.044237);
INSERT INTO public.leases VALUES (2, 11, 1795273703.0576887, 1795274303.0576887);
INSERT INTO public.links VALUES (1, 1, '045dc7365980cac5cc89f46fe382f31c60d73a5701408cb40c4d295683e22e4a', true, 1795273703.0277472, 1795273763.0277472, NULL, NULL);
INSERT INTO public.policy_versions VALUES (0, NULL, '', 'abababababababababababababababababababababababababababababababab', 'tiny', '1', '{}', 'kept', 1, '');
INSERT INTO public.policy_versions VALUES (1, 0, 'versions/0001', 'abababababababababababababababababababababababababababababababab', 'tiny', '1', '{}', 'current', 1, '');
INSERT INTO public.prompts VALUES (1, '[{"role": "user", "content": "Question 0?"}]', 'd3294c7911754dc93d8b433a834cd194107e5f87b9cc2ce74ec589773b9fb23d', '[]', 'train', '', 1795273702.9539127);
INSERT INTO public.prompts VALUES (2, '[{"role": "user", "content": "Question 1?"}]', 'fbada4b2e1140937a2ef522d859da457ad755e2a7409a674ab2de36848421e9e', '[]', 'train', '', 1795273702.9539127);
INSERT INTO public.prompts VALUES (3, '[{"role": "user", "content": "Question 2?"}]', 'd3bfc126e97a05303d20fb4061325ed28b9e8c5260c83befe9a31d4f3aebdee8', '[]', 'train', '', 1795273702.9539127);
INSERT INTO public.ratings VALUES (1, 3, 1, 3, 'rated', 100, 105, 1795273702.9937348, 4000, 1, 1, 'score_1_10', 1, true, 'b9869d81-6f86-4161-8039-67fd92e72fae', '', '[]', '{}');
INSERT INTO public.ratings VALUES (2, 2, 2, 4, 'rated', 100, 105, 1795273703.0004466, 4000, 1, 1, 'score_1_10', 1, true, 'a17b63c1-8ed7-434e-9412-7021ae86982c', '', '[]', '{}');
INSERT INTO public.ratings VALUES (3, 4, 1, 5, 'rated', 100, 105, 1795273703.0033617, 4000, 2, 1, 'score_1_10', 1, true, '00dde2f7-9145-4fc0-81ea-57080c1fe6e5', '', '[]', '{}');
INSERT INTO public.ratings VALUES (4, 1, 2, 6, 'rated', 100, 105, 1795273703.0062134, 4000, 2, 1, 'score_1_10', 1, false, '3f75bfff-33de-4b4f-9b49-e80c2da99da9', '', '[]', '{}');
INSERT INTO public.ratings VALUES (5, 5, 1, NULL, 'broken', 100, 105, 1795273703.0095756, 4000, 1, 1, 'score_1_10', 1, false, '4a957fb1-ca8f-4de2-b8ed-ac6b284264b6', 'cut off', '["rude"]', '{}');
INSERT INTO public.ratings VALUES (6, 5, 1, NULL, 'skip', 100, 105, 1795273703.0200222, 4000, 1, 1, 'score_1_10', 2, true, '4f2266fa-228c-41d0-9b7a-a4df9fe86f77', '', '[]', '{}');
INSERT INTO public.ratings VALUES (7, 1, 2, 9, 'rated', 100, 1795273703.02423, 1795273703.0062134, 4000, 2, 1, 'score_1_10', 2, true, '3f75bfff-33de-4b4f-9b49-e80c2da99da9/4', '', '[]', '{}');
INSERT INTO public.responses VALUES (1, 1, 1, 0, 0, 0, 0.7, 'eos', 'train', 1, 1, 1795273702.974, 'round 1, prompt 0, response 0', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]');
INSERT INTO public.responses VALUES (2, 1, 1, 0, 1, 1, 0.7, 'eos', 'train', 1, 1, 1795273702.974, 'round 1, prompt 0, response 1', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]');
INSERT INTO public.responses VALUES (3, 2, 1, 0, 2, 2, 0.7, 'eos', 'train', 1, 1, 1795273702.974, 'round 1, prompt 1, response 0', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]');
INSERT INTO public.responses VALUES (4, 2, 1, 0, 3, 3, 0.7, 'eos', 'train', 1, 1, 1795273702.974, 'round 1, prompt 1, response 1', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]');
INSERT INTO public.responses VALUES (5, 3, 1, 0, 4, 4, 0.7, 'eos', 'train', 1, 1, 1795273702.974, 'round 1, prompt 2, response 0', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]');
INSERT INTO public.responses VALUES (6, 3, 1, 0, 5, 5, 0.7, 'eos', 'train', 1, 1, 1795273702.974, 'round 1, prompt 2, response 1', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]');
INSERT INTO public.responses VALUES (7, 1, 2, 1, 0, 0, 0.7, 'eos', 'train', 1, 1, 1795273703.0555038, 'round 2, prompt 0, response 0', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]');
INSERT INTO public.responses VALUES (8, 1, 2, 1, 1, 1, 0.7, 'eos', 'train', 1, 1, 1795273703.0555038, 'round 2, prompt 0, response 1', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]');
INSERT INTO public.responses VALUES (9, 2, 2, 1, 2, 2, 0.7, 'eos', 'train', 1, 1, 1795273703.0555038, 'round 2, prompt 1, response 0', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]');
INSERT INTO public.responses VALUES (10, 2, 2, 1, 3, 3, 0.7, 'eos', 'train', 1, 1, 1795273703.0555038, 'round 2, prompt 1, response 1', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]');
INSERT INTO public.responses VALUES (11, 3, 2, 1, 4, 4, 0.7, 'eos', 'train', 1, 1, 1795273703.0555038, 'round 2, prompt 2, response 0', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]');
INSERT INTO public.responses VALUES (12, 3, 2, 1, 5, 5, 0.7, 'eos', 'train', 1, 1, 1795273703.0555038, 'round 2, prompt 2, response 1', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]');
INSERT INTO public.rounds VALUES (1, 'published', '{"quota": 6}', 0, 1, '34bfa22b2f9a893d874e8cdfb0cbe971e2541b80a00a1d80f6ca608c686f0b96', '{"passed": true}', 'It learned.', 1795273702.968102, 1795273703.0402708);
INSERT INTO public.rounds VALUES (2, 'rating', '{"quota": 12}', 1, NULL, NULL, NULL, NULL, 1795273703.0534577, 1795273703.056646);
INSERT INTO public.samples VALUES (0, 1, 1, 'a');
INSERT INTO public.samples VALUES (1, 1, 1, 'b');
INSERT INTO public.settings VALUES ('reference', '{"kl": 0.0}');
INSERT INTO public.snapshot_ratings VALUES (1, 7);
INSERT INTO public.snapshot_ratings VALUES (1, 2);
INSERT INTO public.snapshot_ratings VALUES (1, 1);
INSERT INTO public.snapshot_ratings VALUES (1, 3);
INSERT INTO public.snapshot_ratings VALUES (1, 6);
INSERT INTO public.steps VALUES (1, 1, '{"step": 1, "reward": 0.5}', 1795273703.0483992);
INSERT INTO public.users VALUES (1, 'Rater 0', 'rater 0', 'r-33eab6dedcd8', 'rater', true, false, 1795273702.9609632);
INSERT INTO public.users VALUES (2, 'Rater 1', 'rater 1', 'r-5170a6e155b2', 'rater', true, false, 1795273702.964763);
SELECT pg_catalog.setval('public.events_id_seq', 13, true);
SELECT pg_catalog.setval('public.jobs_id_seq', 1, true);
SELECT pg_catalog.setval('public.links_id_seq', 1, true);
SELECT pg_catalog.setval('public.prompts_id_seq', 3, true);
SELECT pg_catalog.setval('public.ratings_id_seq', 7, true);
SELECT pg_catalog.setval('public.responses_id_seq', 12, true);
SELECT pg_catalog.setval('public.users_id_seq', 2, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT pk_events PRIMARY KEY (id);
ALTER TABLE ONLY public.guidelines
    ADD CONSTRAINT pk_guidelines PRIMARY KEY (version);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT pk_jobs PRIMARY KEY (id);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT pk_leases PRIMARY KEY (rater_id);
ALTER TABLE ONLY public.links
    ADD CONSTRAINT pk_links PRIMARY KEY (id);
ALTER TABLE ONLY public.policy_versions
    ADD CONSTRAINT pk_policy_versions PRIMARY KEY (number);
ALTER TABLE ONLY public.prompts
    ADD CONSTRAINT pk_prompts PRIMARY KEY (id);
ALTER TABLE ONLY public.ratings
    ADD CONSTRAINT pk_ratings PRIMARY KEY (id);
ALTER TABLE ONLY public.responses
    ADD CONSTRAINT pk_responses PRIMARY KEY (id);
ALTER TABLE ONLY public.rounds
    ADD CONSTRAINT pk_rounds PRIMARY KEY (number);
ALTER TABLE ONLY public.samples
    ADD CONSTRAINT pk_samples PRIMARY KEY (version_number, prompt_id, seed);
ALTER TABLE ONLY public.settings
    ADD CONSTRAINT pk_settings PRIMARY KEY (name);
ALTER TABLE ONLY public.snapshot_ratings
    ADD CONSTRAINT pk_snapshot_ratings PRIMARY KEY (round_number, rating_id);
ALTER TABLE ONLY public.steps
    ADD CONSTRAINT pk_steps PRIMARY KEY (round_number, step);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT pk_users PRIMARY KEY (id);
ALTER TABLE ONLY public.links
    ADD CONSTRAINT uq_links_secret_sha256 UNIQUE (secret_sha256);
ALTER TABLE ONLY public.prompts
    ADD CONSTRAINT uq_prompts_sha256 UNIQUE (sha256);
ALTER TABLE ONLY public.ratings
    ADD CONSTRAINT uq_ratings_rater_id_key UNIQUE (rater_id, key);
ALTER TABLE ONLY public.ratings
    ADD CONSTRAINT uq_ratings_response_id_rater_id_revision UNIQUE (response_id, rater_id, revision);
ALTER TABLE ONLY public.responses
    ADD CONSTRAINT uq_responses_round_number_slot UNIQUE (round_number, slot);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT uq_users_name_key UNIQUE (name_key);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT uq_users_pseudonym UNIQUE (pseudonym);
CREATE INDEX ix_leases_response_id ON public.leases USING btree (response_id);
CREATE INDEX ix_links_user_id ON public.links USING btree (user_id);
CREATE INDEX ix_ratings_rater_id_given_at ON public.ratings USING btree (rater_id, given_at);
CREATE INDEX ix_ratings_response_id ON public.ratings USING btree (response_id);
CREATE INDEX ix_responses_prompt_id ON public.responses USING btree (prompt_id);
CREATE INDEX ix_responses_round_number_prompt_id ON public.responses USING btree (round_number, prompt_id);
CREATE UNIQUE INDEX uq_jobs_one_active ON public.jobs USING btree (kind) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));
CREATE UNIQUE INDEX uq_policy_versions_one_current ON public.policy_versions USING btree (status) WHERE (status = 'current'::text);
CREATE UNIQUE INDEX uq_ratings_one_current ON public.ratings USING btree (response_id, rater_id) WHERE is_current;
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT fk_leases_rater_id_users FOREIGN KEY (rater_id) REFERENCES public.users(id);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT fk_leases_response_id_responses FOREIGN KEY (response_id) REFERENCES public.responses(id);
ALTER TABLE ONLY public.links
    ADD CONSTRAINT fk_links_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id);
ALTER TABLE ONLY public.policy_versions
    ADD CONSTRAINT fk_policy_versions_parent_policy_versions FOREIGN KEY (parent) REFERENCES public.policy_versions(number);
ALTER TABLE ONLY public.ratings
    ADD CONSTRAINT fk_ratings_rater_id_users FOREIGN KEY (rater_id) REFERENCES public.users(id);
ALTER TABLE ONLY public.ratings
    ADD CONSTRAINT fk_ratings_response_id_responses FOREIGN KEY (response_id) REFERENCES public.responses(id);
ALTER TABLE ONLY public.responses
    ADD CONSTRAINT fk_responses_prompt_id_prompts FOREIGN KEY (prompt_id) REFERENCES public.prompts(id);
ALTER TABLE ONLY public.responses
    ADD CONSTRAINT fk_responses_round_number_rounds FOREIGN KEY (round_number) REFERENCES public.rounds(number);
ALTER TABLE ONLY public.responses
    ADD CONSTRAINT fk_responses_version_number_policy_versions FOREIGN KEY (version_number) REFERENCES public.policy_versions(number);
ALTER TABLE ONLY public.rounds
    ADD CONSTRAINT fk_rounds_published_version_policy_versions FOREIGN KEY (published_version) REFERENCES public.policy_versions(number);
ALTER TABLE ONLY public.rounds
    ADD CONSTRAINT fk_rounds_version_number_policy_versions FOREIGN KEY (version_number) REFERENCES public.policy_versions(number);
ALTER TABLE ONLY public.samples
    ADD CONSTRAINT fk_samples_prompt_id_prompts FOREIGN KEY (prompt_id) REFERENCES public.prompts(id);
ALTER TABLE ONLY public.samples
    ADD CONSTRAINT fk_samples_version_number_policy_versions FOREIGN KEY (version_number) REFERENCES public.policy_versions(number);
ALTER TABLE ONLY public.snapshot_ratings
    ADD CONSTRAINT fk_snapshot_ratings_rating_id_ratings FOREIGN KEY (rating_id) REFERENCES public.ratings(id);
ALTER TABLE ONLY public.snapshot_ratings
    ADD CONSTRAINT fk_snapshot_ratings_round_number_rounds FOREIGN KEY (round_number) REFERENCES public.rounds(number);
ALTER TABLE ONLY public.steps
    ADD CONSTRAINT fk_steps_round_number_rounds FOREIGN KEY (round_number) REFERENCES public.rounds(number);
