"""Makes up brands and pages, renders them, and trains the model that compares screenshots."""
