"""How the web detector's weights are made: data, augmentation, training, figures."""
