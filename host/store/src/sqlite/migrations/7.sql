-- A delivery that is withheld has a state of its own, and is no longer known by its note.
UPDATE outbox SET state = 'withheld'
WHERE state = 'superseded' AND note = 'the pause was over before it was told';
