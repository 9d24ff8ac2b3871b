"""What runs before and around Django, for deploy/up, deploy/install and images; docs/architecture.md has the whole."""
