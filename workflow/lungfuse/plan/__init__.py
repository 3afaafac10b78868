"""What a study consists of: a study in, its models, files and jobs out. Rules, the command line and DVC ask here."""
