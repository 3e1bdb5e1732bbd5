"""False alarms where the rhythm is normal, with and without the gates of signal quality."""
