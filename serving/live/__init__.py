"""What serving holds in memory and how it follows what is live: releases and catalogue."""
