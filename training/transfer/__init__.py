"""What a beat model that learned from one database is worth on another, and few patients add."""
