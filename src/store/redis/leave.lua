-- Lines for the audit trail of whichever proxy takes them. No rules live here.
-- KEYS[1]  the list of lines    KEYS[2]  a mark of these lines, so that they are left once, however often this is sent
-- ARGV[1]  how long the mark holds, ms    ARGV[2]  how long the lines do, ms
-- ARGV[3]  how many are kept, at most    ARGV[4…]  the lines
if not redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[1]) then
  return 0
end
for i = 4, #ARGV do
  redis.call('RPUSH', KEYS[1], ARGV[i])
end
redis.call('LTRIM', KEYS[1], -ARGV[3], -1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
