"""Trains and measures the phishing models; nothing of it runs in the product otherwise."""
