-- Notes leases that were heard and earned in the store. KEYS, ARGV and nil as for registering.
-- Else answers one digit each: 0 noted, 2 known with a newer token.
if not stands(ARGV[2], ARGV[3]) then return false end
local now = time(ARGV[1])
local n = (#ARGV - 3) / 4
local scores = redis.call('ZMSCORE', KEYS[1], unpack(ARGV, 4, n + 3))
local answers, changes = {}, {}
for i = 1, n do
  local answer = 0
  local score = tonumber(scores[i])
  local given = tonumber(ARGV[n + 3 + i])
  local patience = tonumber(ARGV[2 * n + 3 + i]) / 1000
  local heard = math.max(0, math.ceil(now + patience - tonumber(ARGV[3 * n + 3 + i]) / 1000))
  if score then
    local known, token, condemned = read(score)
    if newer(token, given) then
      answer = 2
    elseif token == given and not condemned and known > heard and known <= now + patience + 1 then
      -- Another replica has heard it since.
      heard = known
    end
  end
  if answer == 0 then
    changes[#changes + 1] = heard * SPAN + given
    changes[#changes + 1] = ARGV[i + 3]
  end
  answers[i] = answer
end
if #changes > 0 then redis.call('ZADD', KEYS[1], unpack(changes)) end
return table.concat(answers)
