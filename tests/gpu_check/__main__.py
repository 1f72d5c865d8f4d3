"""`python -m tests.gpu_check --device cuda --out OUT`: installs what is missing, then checks."""

from tests.gpu_check.packages import make_ready

if __name__ == "__main__":
    make_ready()
    from tests.gpu_check.run import main

    main()
