"""Runs the site in a clone: who it runs as, what has to be there, and the servers. deploy/up says how it is started."""
