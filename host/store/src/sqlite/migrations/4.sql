CREATE INDEX plays_seen ON plays (server, last_seen_at);
