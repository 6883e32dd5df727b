CREATE INDEX plays_item ON plays (server, json_extract(body, '$.item.server_ref'));
