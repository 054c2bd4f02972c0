"""Virtual meters that push SML files."""
