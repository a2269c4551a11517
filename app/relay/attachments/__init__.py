"""Step 6: attachments, in both directions. ``preparing`` is the media queue's work, ``waiting`` the lane's."""
