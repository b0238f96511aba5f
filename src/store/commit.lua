-- Compare and set: writes a record only if nobody wrote it since it was read. No rules live here.
-- KEYS[1]  the record: "<revision>|<json>"
-- ARGV[1]  the revision that was read, "0" if there was none
-- ARGV[2]  the new record   ARGV[3]  its time to live, ms
-- ARGV[4]  channel          ARGV[5]  notice for the other proxies
-- Gives 1 if written, 0 if somebody else was first.
local there = redis.call('GET', KEYS[1])
local revision = there and string.match(there, '^(%d+)|') or '0'
if revision ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1
