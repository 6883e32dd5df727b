-- Pages list deliveries by their state, and count those that need somebody. Most are delivered: these are found by their id.
CREATE INDEX outbox_state ON outbox (household, state, id) WHERE state <> 'delivered';
