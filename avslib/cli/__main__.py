from avslib.cli.main import main

main()
