"""Stage music-terms: finds the terms of a glossary in a transcript, and says when they were spoken."""
