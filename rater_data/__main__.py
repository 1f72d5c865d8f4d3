from rater_data.cli import main

main()
