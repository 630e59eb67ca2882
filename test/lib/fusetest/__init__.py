"""What the demo and the integration tests share: mounting an example, killing its server, watching
what applications see, and making sure that nothing is left behind."""
