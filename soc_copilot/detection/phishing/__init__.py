"""Scores URLs, e-mails and short texts for phishing; nothing is ever fetched."""
