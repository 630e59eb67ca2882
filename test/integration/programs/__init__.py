"""Programs that Debian ships, run on this library."""
