"""The lesson's exercises: questions about a network, their answers, and a trial of two networks."""
