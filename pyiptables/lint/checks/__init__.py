"""The checks, one a module, in folders by subject."""
