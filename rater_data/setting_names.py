"""The names under which a home keeps its settings in the database: `Store.setting(name)`."""

HOME_ID = "home"  # a random text that tells browsers homes apart
QUESTIONS = "asks"  # further qualities and flags that raters are asked for
READINESS = "readiness"  # what the reward head would be worth, were it trained now
REFERENCE = "reference"  # the base model's measures
ROUND_CONFIG = "round_config"  # what operators changed of the engine's settings: see `round_settings`
CHOSEN_SCALE = "scale"  # what raters judge by
SERVER_URL = "url"  # where this home was last served
