from rater_data.cli.main import main

main()
