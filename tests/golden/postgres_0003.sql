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
    CONSTRAINT ck_jobs_kind CHECK ((kind = ANY (ARRAY['generate'::text, 'train'::text, 'try'::text]))),
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
    until double precision NOT NULL,
    other_id integer
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
    retired_at double precision,
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
    other_id integer,
    swapped boolean DEFAULT false NOT NULL,
    removed_sha256 text,
    CONSTRAINT ck_ratings_active_ms CHECK ((active_ms >= 0)),
    CONSTRAINT ck_ratings_pair_has_other CHECK (((scale = 'pair'::text) = (other_id IS NOT NULL))),
    CONSTRAINT ck_ratings_revision CHECK ((revision >= 1)),
    CONSTRAINT ck_ratings_score_range CHECK (((score IS NULL) OR ((scale = 'score_1_10'::text) AND ((score >= (1)::double precision) AND (score <= (10)::double precision))) OR ((scale = 'score_0_10'::text) AND ((score >= (0)::double precision) AND (score <= (10)::double precision))) OR ((scale = 'score_1_5'::text) AND ((score >= (1)::double precision) AND (score <= (5)::double precision))) OR ((scale = 'score_1_7'::text) AND ((score >= (1)::double precision) AND (score <= (7)::double precision))) OR ((scale = 'thumbs'::text) AND ((score >= (0)::double precision) AND (score <= (1)::double precision))) OR ((scale = 'pair'::text) AND ((score >= ('-1'::integer)::double precision) AND (score <= (1)::double precision))))),
    CONSTRAINT ck_ratings_score_with_verdict CHECK (((verdict = 'rated'::text) = (score IS NOT NULL))),
    CONSTRAINT ck_ratings_verdict CHECK ((verdict = ANY (ARRAY['rated'::text, 'skip'::text, 'cannot_judge'::text, 'broken'::text, 'unsafe'::text, 'both_bad'::text, 'removed'::text])))
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
    ref_logprob double precision,
    head_score double precision,
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
INSERT INTO public.alembic_version VALUES ('0003');
INSERT INTO public.events VALUES (1, 1795274897.5035286, 'trainer', 'added version 0', '{}');
INSERT INTO public.events VALUES (2, 1795274897.5044622, 'Rater 0', 'joined as rater', '{"user": 1}');
INSERT INTO public.events VALUES (3, 1795274897.5073037, 'Rater 1', 'joined as rater', '{"user": 2}');
INSERT INTO public.events VALUES (4, 1795274897.508631, 'Rater 2', 'joined as rater', '{"user": 3}');
INSERT INTO public.events VALUES (5, 1795274897.5107188, 'trainer', 'started round 1', '{"version": 0}');
INSERT INTO public.events VALUES (6, 1795274897.5176861, 'trainer', 'round 1 is rating', '{"decision": null}');
INSERT INTO public.events VALUES (7, 1795274897.5394564, 'Rater 0', 'took back a rating', '{"rating": 3}');
INSERT INTO public.events VALUES (8, 1795274897.5500138, 'Rater 1', 'changed a rating', '{"rating": 5}');
INSERT INTO public.events VALUES (9, 1795274897.5597887, 'Olga', 'changed the guideline', '{"version": 2}');
INSERT INTO public.events VALUES (10, 1795274897.5621612, 'Olga', 'joined as operator', '{"user": 4}');
INSERT INTO public.events VALUES (11, 1795274897.5647845, 'Rater 0', 'got a token', '{"user": 1}');
INSERT INTO public.events VALUES (12, 1795274897.5662038, 'Olga', 'retired a prompt', '{"prompt": 4}');
INSERT INTO public.events VALUES (13, 1795274897.5674562, 'Olga', 'tagged a prompt', '{"prompt": 1}');
INSERT INTO public.events VALUES (14, 1795274897.5693772, 'Olga', 'sealed round 1', '{"ratings": 8, "sha256": "112e1da6430d9731557a2e23cd1b319b23de18ea1327aebf05265b6384aa82c4"}');
INSERT INTO public.events VALUES (15, 1795274897.584754, 'trainer', 'round 1 is training', '{"decision": null}');
INSERT INTO public.events VALUES (16, 1795274897.5871785, 'trainer', 'published version 1', '{"round": 1}');
INSERT INTO public.events VALUES (17, 1795274897.5901155, 'trainer', 'train job done', '{"job": 1}');
INSERT INTO public.events VALUES (18, 1795274897.5920231, 'Olga', 'noted something about version 1', '{}');
INSERT INTO public.events VALUES (19, 1795274897.5940704, 'trainer', 'started round 2', '{"version": 1}');
INSERT INTO public.events VALUES (20, 1795274897.5966864, 'trainer', 'round 2 is rating', '{"decision": null}');
INSERT INTO public.guidelines VALUES (2, 'Be fair.', 'Olga', 1795274897.5597887);
INSERT INTO public.jobs VALUES (1, 'train', '{"round": 1}', 'done', '{}', '{"state": "published"}', 'w', 1795274897.5901155, 1, false, NULL, '', 1795274897.5795102, 1795274897.5901155);
INSERT INTO public.jobs VALUES (2, 'try', '{"prompt": 1}', 'queued', '{}', NULL, NULL, NULL, 0, false, NULL, '', 1795274897.5926836, 1795274897.5926836);
INSERT INTO public.leases VALUES (3, 12, 1795274897.6000538, 1795275497.6000538, NULL);
INSERT INTO public.links VALUES (1, 4, 'a6dcafd154ad039a09827f5ba488c9f688a93993968458dcd056b53c0073295a', true, 1795274897.5634875, 1795274957.5634875, NULL, NULL);
INSERT INTO public.links VALUES (2, 1, '888d9eb89dd6555f7e0ea12d183306ff97745c8fcd2e7afc824577310a6859ec', false, 1795274897.5646484, 1795274957.5646484, NULL, NULL);
INSERT INTO public.policy_versions VALUES (0, NULL, '', 'abababababababababababababababababababababababababababababababab', 'tiny', '1', '{}', 'kept', 1, '');
INSERT INTO public.policy_versions VALUES (1, 0, 'versions/0001', 'abababababababababababababababababababababababababababababababab', 'tiny', '1', '{}', 'current', 1, 'The first that ends by itself.');
INSERT INTO public.prompts VALUES (1, '[{"role": "user", "content": "Question 0?"}]', 'd3294c7911754dc93d8b433a834cd194107e5f87b9cc2ce74ec589773b9fb23d', '["short", "easy"]', 'train', '', 1795274897.499757, NULL);
INSERT INTO public.prompts VALUES (2, '[{"role": "user", "content": "Question 1?"}]', 'fbada4b2e1140937a2ef522d859da457ad755e2a7409a674ab2de36848421e9e', '[]', 'train', '', 1795274897.499757, NULL);
INSERT INTO public.prompts VALUES (3, '[{"role": "user", "content": "Question 2?"}]', 'd3bfc126e97a05303d20fb4061325ed28b9e8c5260c83befe9a31d4f3aebdee8', '[]', 'train', '', 1795274897.499757, NULL);
INSERT INTO public.prompts VALUES (4, '[{"role": "user", "content": "Question 3?"}]', 'fc2bfeda580218e14038afefbf4134585b74d0ceaf90760c077f081f469dd3d5', '[]', 'train', '', 1795274897.499757, 1795274897.565202);
INSERT INTO public.ratings VALUES (1, 7, 1, 3, 'rated', 100, 105, 1795274897.5305467, 4000, 1, 1, 'score_1_10', 1, true, '1f104750-72f4-44bb-b2e9-1378cdd87168', 'dull — naïve', '["short"]', '{}', NULL, false, NULL);
INSERT INTO public.ratings VALUES (2, 8, 1, 9, 'rated', 100, 105, 1795274897.5353982, 4000, 2, 1, 'score_1_10', 1, true, '708ad53c-86f1-4934-bbdd-c67654545c48', '', '[]', '{}', NULL, false, NULL);
INSERT INTO public.ratings VALUES (3, 3, 1, 5, 'rated', 100, 105, 1795274897.5385385, 4000, 1, 1, 'score_1_10', 1, false, '5b470986-3cd7-42d7-97b5-ce1e0d791195', '', '[]', '{}', NULL, false, NULL);
INSERT INTO public.ratings VALUES (4, 3, 1, 6, 'rated', 100, 105, 1795274897.5465374, 4000, 1, 1, 'score_1_10', 2, true, 'c77a491f-91c7-4883-bec5-4dc2fd4367a2', '', '[]', '{}', NULL, false, NULL);
INSERT INTO public.ratings VALUES (5, 4, 2, 2, 'rated', 100, 105, 1795274897.5491464, 4000, 1, 1, 'score_1_10', 1, false, 'aae21eb3-676c-4f63-9ee4-929d18a1b912', '', '[]', '{"helpful": 1}', NULL, false, NULL);
INSERT INTO public.ratings VALUES (6, 4, 2, 4, 'rated', 100, 1795274897.5500138, 1795274897.5491464, 4000, 1, 1, 'score_1_10', 2, true, 'aae21eb3-676c-4f63-9ee4-929d18a1b912/5', 'better on a second look', '[]', '{"helpful": 1}', NULL, false, NULL);
INSERT INTO public.ratings VALUES (7, 3, 2, NULL, 'broken', 100, 105, 1795274897.5542557, 4000, 2, 1, 'score_1_10', 1, true, '34e97c6d-509c-4fe2-9107-9f886de55527', '', '[]', '{}', NULL, false, NULL);
INSERT INTO public.ratings VALUES (8, 2, 3, NULL, 'skip', 100, 105, 1795274897.5568202, 4000, 1, 1, 'score_1_10', 1, true, 'e6e56794-f806-4ecc-a2c0-c928e61c4b42', '', '[]', '{}', NULL, false, NULL);
INSERT INTO public.ratings VALUES (9, 1, 3, NULL, 'removed', 100, 105, 1795274897.559016, 4000, 2, 1, 'score_1_10', 1, true, 'e640a2dc-0de3-43f2-adcc-da1ef0c8a701', '', '[]', '{}', NULL, false, '1bf903925c6c30ff9f0a9797b0e24f2c998e5d0b0902812f72c8799297945390');
INSERT INTO public.ratings VALUES (10, 1, 4, -1, 'rated', 1, 2, 2, 5, 1, 1, 'pair', 1, true, 'pair', '', '[]', '{}', 2, true, NULL);
INSERT INTO public.ratings VALUES (11, 13, 2, 7, 'rated', 100, 105, 1795274897.5992563, 4000, 1, 1, 'score_1_10', 1, true, '5354bfe7-cf11-4191-bae1-19e072226dfb', '', '[]', '{}', NULL, false, NULL);
INSERT INTO public.responses VALUES (1, 1, 1, 0, 0, 0, 0.7, 'eos', 'train', 2, 1, 1795274897.5151284, 'round 1, prompt 0, response 0', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]', -12.5, 0.25);
INSERT INTO public.responses VALUES (2, 1, 1, 0, 1, 1, 0.7, 'eos', 'train', 2, 1, 1795274897.5151284, 'round 1, prompt 0, response 1', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]', -12.5, 0.25);
INSERT INTO public.responses VALUES (3, 2, 1, 0, 2, 2, 0.7, 'eos', 'train', 2, 1, 1795274897.5151284, 'round 1, prompt 1, response 0', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]', -12.5, 0.25);
INSERT INTO public.responses VALUES (4, 2, 1, 0, 3, 3, 0.7, 'eos', 'train', 2, 1, 1795274897.5151284, 'round 1, prompt 1, response 1', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]', NULL, NULL);
INSERT INTO public.responses VALUES (5, 3, 1, 0, 4, 4, 0.7, 'eos', 'train', 2, 1, 1795274897.5151284, 'round 1, prompt 2, response 0', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]', NULL, NULL);
INSERT INTO public.responses VALUES (6, 3, 1, 0, 5, 5, 0.7, 'eos', 'train', 2, 1, 1795274897.5151284, 'round 1, prompt 2, response 1', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]', NULL, NULL);
INSERT INTO public.responses VALUES (7, 4, 1, 0, 6, 6, 0.7, 'eos', 'train', 2, 1, 1795274897.5151284, 'round 1, prompt 3, response 0', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]', NULL, NULL);
INSERT INTO public.responses VALUES (8, 4, 1, 0, 7, 7, 0.7, 'eos', 'train', 2, 1, 1795274897.5151284, 'round 1, prompt 3, response 1', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]', NULL, NULL);
INSERT INTO public.responses VALUES (9, 1, 2, 1, 0, 0, 0.7, 'eos', 'train', 1, 1, 1795274897.595732, 'round 2, prompt 0, response 0', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]', NULL, NULL);
INSERT INTO public.responses VALUES (10, 1, 2, 1, 1, 1, 0.7, 'eos', 'train', 1, 1, 1795274897.595732, 'round 2, prompt 0, response 1', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]', NULL, NULL);
INSERT INTO public.responses VALUES (11, 2, 2, 1, 2, 2, 0.7, 'eos', 'train', 1, 1, 1795274897.595732, 'round 2, prompt 1, response 0', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]', NULL, NULL);
INSERT INTO public.responses VALUES (12, 2, 2, 1, 3, 3, 0.7, 'eos', 'train', 1, 1, 1795274897.595732, 'round 2, prompt 1, response 1', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]', NULL, NULL);
INSERT INTO public.responses VALUES (13, 3, 2, 1, 4, 4, 0.7, 'eos', 'train', 1, 1, 1795274897.595732, 'round 2, prompt 2, response 0', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]', NULL, NULL);
INSERT INTO public.responses VALUES (14, 3, 2, 1, 5, 5, 0.7, 'eos', 'train', 1, 1, 1795274897.595732, 'round 2, prompt 2, response 1', '[1, 2]', '[3, 4, 5]', '[-0.1, -0.2, -0.3]', NULL, NULL);
INSERT INTO public.rounds VALUES (1, 'published', '{"quota": 12}', 0, 1, '112e1da6430d9731557a2e23cd1b319b23de18ea1327aebf05265b6384aa82c4', '{"passed": true}', 'It learned.', 1795274897.5107188, 1795274897.5871785);
INSERT INTO public.rounds VALUES (2, 'rating', '{"quota": 12}', 1, NULL, NULL, NULL, NULL, 1795274897.5940704, 1795274897.5966864);
INSERT INTO public.samples VALUES (1, 1, 3, 'hello');
INSERT INTO public.snapshot_ratings VALUES (1, 9);
INSERT INTO public.snapshot_ratings VALUES (1, 10);
INSERT INTO public.snapshot_ratings VALUES (1, 8);
INSERT INTO public.snapshot_ratings VALUES (1, 4);
INSERT INTO public.snapshot_ratings VALUES (1, 7);
INSERT INTO public.snapshot_ratings VALUES (1, 6);
INSERT INTO public.snapshot_ratings VALUES (1, 1);
INSERT INTO public.snapshot_ratings VALUES (1, 2);
INSERT INTO public.steps VALUES (1, 0, '{"step": 0, "kl": 0.5, "loss": null}', 1795274897.5858753);
INSERT INTO public.users VALUES (1, 'Rater 0', 'rater 0', 'r-8de4bccbe90f', 'rater', true, false, 1795274897.5044622);
INSERT INTO public.users VALUES (2, 'Rater 1', 'rater 1', 'r-f15e9f8cb9a9', 'rater', true, false, 1795274897.5073037);
INSERT INTO public.users VALUES (3, 'Rater 2', 'rater 2', 'r-85b4d5fcc570', 'rater', true, false, 1795274897.508631);
INSERT INTO public.users VALUES (4, 'Olga', 'olga', 'r-a226a59b9857', 'operator', true, false, 1795274897.5621612);
SELECT pg_catalog.setval('public.events_id_seq', 20, true);
SELECT pg_catalog.setval('public.jobs_id_seq', 2, true);
SELECT pg_catalog.setval('public.links_id_seq', 2, true);
SELECT pg_catalog.setval('public.prompts_id_seq', 4, true);
SELECT pg_catalog.setval('public.ratings_id_seq', 11, true);
SELECT pg_catalog.setval('public.responses_id_seq', 14, true);
SELECT pg_catalog.setval('public.users_id_seq', 4, true);
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
CREATE INDEX ix_ratings_of_rater ON public.ratings USING btree (rater_id, active_ms, verdict, scale, score, submitted_at) WHERE is_current;
CREATE INDEX ix_ratings_rater_id_given_at ON public.ratings USING btree (rater_id, given_at);
CREATE INDEX ix_ratings_response_id ON public.ratings USING btree (response_id);
CREATE INDEX ix_responses_of_round ON public.responses USING btree (round_number, prompt_id, id, version_number, overlap, stratum);
CREATE INDEX ix_responses_prompt_id ON public.responses USING btree (prompt_id);
CREATE INDEX ix_snapshot_ratings_rating_id ON public.snapshot_ratings USING btree (rating_id);
CREATE UNIQUE INDEX uq_jobs_one_active ON public.jobs USING btree (kind) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));
CREATE UNIQUE INDEX uq_policy_versions_one_current ON public.policy_versions USING btree (status) WHERE (status = 'current'::text);
CREATE UNIQUE INDEX uq_ratings_one_current ON public.ratings USING btree (response_id, rater_id) WHERE is_current;
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT fk_leases_other_id_responses FOREIGN KEY (other_id) REFERENCES public.responses(id);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT fk_leases_rater_id_users FOREIGN KEY (rater_id) REFERENCES public.users(id);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT fk_leases_response_id_responses FOREIGN KEY (response_id) REFERENCES public.responses(id);
ALTER TABLE ONLY public.links
    ADD CONSTRAINT fk_links_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id);
ALTER TABLE ONLY public.policy_versions
    ADD CONSTRAINT fk_policy_versions_parent_policy_versions FOREIGN KEY (parent) REFERENCES public.policy_versions(number);
ALTER TABLE ONLY public.ratings
    ADD CONSTRAINT fk_ratings_other_id_responses FOREIGN KEY (other_id) REFERENCES public.responses(id);
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
