-- Notes leases that were heard and earned in the store. KEYS, ARGV and nil as for registering.
-- Else answers one digit each: 0 noted, 2 known with a newer token.
if not stands(ARGV[2], ARGV[3]) then return false end
local now = time(ARGV[1])
local first, n, patience, ago = leases(4)
local scores = redis.call('ZMSCORE', KEYS[1], unpack(ARGV, first, first + n - 1))
local answers, changes = {}, {}
for i = 1, n do
  local answer = 0
  local score = tonumber(scores[i])
  local code = tonumber(ARGV[first + n + i - 1])
  local given = code % SPAN
  local kind = (code - given) / SPAN
  local heard = math.max(0, math.ceil(now + patience[kind] - ago[kind]))
  if score then
    local known, token, condemned = read(score)
    if newer(token, given) then
      answer = 2
    elseif token == given and not condemned and known > heard and known <= now + patience[kind] + 1 then
      -- Another replica has heard it since.
      heard = known
    end
  end
  if answer == 0 then
    changes[#changes + 1] = heard * SPAN + given
    changes[#changes + 1] = ARGV[first + i - 1]
  end
  answers[i] = answer
end
if #changes > 0 then redis.call('ZADD', KEYS[1], unpack(changes)) end
return table.concat(answers)
