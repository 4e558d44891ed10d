"""What things cost, measured: programs that run `main.py` as a user does and write a page of numbers each."""
