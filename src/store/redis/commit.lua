-- Compare and set: writes a record only if nobody wrote it since it was read. No rules live here.
-- KEYS[1]  the record: "<revision>|<json>"    KEYS[2]  when the memory of locks began, where one server has all of it
-- ARGV[1]  the revision that was read, "0" if there was none
-- ARGV[2]  the new record   ARGV[3]  its time to live, ms
-- ARGV[4]  channel          ARGV[5]  notice for the other proxies    ARGV[6]  KEYS[2] as it was read
-- Gives 1 if written, 0 if somebody else was first, or the record that was not there has been forgotten since.
local there = redis.call('GET', KEYS[1])
local revision = there and string.match(there, '^(%d+)|') or '0'
if revision ~= ARGV[1] then
  return 0
end
if not there and KEYS[2] and redis.call('GET', KEYS[2]) ~= ARGV[6] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1
