"""How claims meet numbers: problems, guarantees, checks, reports, the command line."""
