"""`python -m ppo …`"""

from ppo.cli.main import main

if __name__ == "__main__":
    main()
