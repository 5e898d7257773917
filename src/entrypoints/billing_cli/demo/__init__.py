"""`billing demo`: the story, played through HTTP, the command line and the checkout form alone."""
