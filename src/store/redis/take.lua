-- Takes lines that were left for the audit trail: from one list to the taker's own, where they are still found by who
-- asks again since the answer was lost. No rules live here.
-- KEYS[1]  the list of lines    KEYS[2]  what this proxy has taken, and not yet written
-- ARGV[1]  how many at once    ARGV[2]  how long they are kept, ms
local taken = redis.call('LRANGE', KEYS[2], 0, -1)
if #taken > 0 then
  return taken
end
taken = redis.call('LRANGE', KEYS[1], 0, ARGV[1] - 1)
for i = 1, #taken do
  redis.call('RPUSH', KEYS[2], taken[i])
end
if #taken > 0 then
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
  redis.call('LTRIM', KEYS[1], ARGV[1], -1)
end
return taken
