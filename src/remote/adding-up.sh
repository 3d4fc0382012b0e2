# shellcheck shell=sh
# Put before follow.sh and before-canary.sh. Adds up lines of the access log, as docs/verdict.md says what is counted.

# adding_up ARMS HEALTH WIDTH ERRED GOALS REACHED: reads log lines and prints one JSON object for each window that is over.
#   ARMS     `ADDRESS=ARM`, one a word: canary or baseline. Attempts that reached another address are in none of it
#   HEALTH   the path of health probes, which are left out
#   WIDTH    seconds of a window
#   ERRED    a file with the clients that have erred in this canary: read first, added to. Empty: there is none
#   GOALS    what clients of an A/B window may come to: `NAME METHOD PATTERN`, one after the other; METHOD - is any. Empty, in a canary
#   REACHED  in an A/B window: a file with the clients that came at all, and to a goal: read first, added to. Empty: there is none
# Among the lines stand others, which begin with @ and which no log has:
#   @ tick EPOCH                what was written up to now has been read: windows that ended a second before are over
#   @ live GENERATION BUCKETS EPOCH   what `live` names, seen then, and how many lanes lead to the canary
#   @ gap EPOCH                 that lines were lost was seen then
#   @ since EPOCH               lines before it are left aside
#   @ end                       the last window is told, whether it is over or not
# The log's format is that of templates/upstream.conf.hbs: the fields in front stand in a fixed order and hold no quotes. A line may come in
# two pieces, on both sides of an @ line.
#
# {"t":SECONDS,"generation":N,"buckets":N,"moved":0|1,"gap":0|1,"lines":N,"strange":N,"top":N,"clients":{"canary":N,"baseline":N},
#  "upstreams":[{"address":A,"n":N,"errors":N,"errors_all":N,"clients":N,"times":[[BIN,COUNT],...]},...]}
# `lines`: of our format; `top`: those of the busiest address; `clients`: new in this arm (in `upstreams`: at this upstream), up to 1,000; in
# an A/B window up to 200,000 in this arm, and a line has ,"goals":{NAME:{"canary":N,"baseline":N},...} behind `clients`: who came to it, new.
adding_up() {
  # mawk would wait until it has read some thousand bytes.
  interactive=$(awk -W version </dev/null 2>&1 | sed -n '1s/^mawk.*/-W interactive/p') || :
  # shellcheck disable=SC2086 # two words, or none
  awk $interactive -F '"' -v arms="$1" -v health="$2" -v width="$3" -v erred_file="$4" -v goals="${5-}" -v reached_file="${6-}" '
    BEGIN {
      count = split(arms, each, " ")
      for (i = 1; i <= count; i++) {
        at = index(each[i], "=")
        address = substr(each[i], 1, at - 1)
        arm[address] = substr(each[i], at + 1)
        order[i] = address
      }
      if (erred_file != "") while ((getline key <erred_file) > 0) if (!(key in erred)) { erred[key]; erred_count++ }
      most = 1000
      if (reached_file != "") most = 200000
      goal_count = int(split(goals, each, " ") / 3)
      for (i = 1; i <= goal_count; i++) {
        goal[i] = each[3 * i - 2]
        goal_method[i] = each[3 * i - 1]
        goal_pattern[i] = each[3 * i]
      }
      if (reached_file != "") while ((getline key <reached_file) > 0) {
        split(key, each, " ")
        reached[key]
        known_of[each[1] == "-" ? each[2] : each[1] " " each[2]]++
      }
      ln_step = log(1.05)
      generation = buckets = 0
    }

    # A piece that the end of what was written had cut off waits for the rest.
    /^@ / {
      split($0, word, " ")
      if (word[2] == "tick") tick(word[3])
      else if (word[2] == "live") {
        if (changed) mark(moved, word[5])
        former_generation = changed ? generation : word[3]
        former_buckets = changed ? buckets : word[4]
        generation = word[3]
        buckets = word[4]
        changed = word[5]
      } else if (word[2] == "gap") mark(gap, word[3])
      else if (word[2] == "since") since = word[3]
      else if (word[2] == "end") tell(newest)
      next
    }
    $0 == "" { next }
    substr($0, length($0)) != "}" && piece == "" { piece = $0; next }
    piece != "" {
      whole = substr($0, 1, 9) == "{\"time\":\"" ? "" : piece $0
      if (whole == "") strange++
      piece = ""
      if (whole != "") $0 = whole
    }
    $2 != "time" || $6 != "upstream" || $14 != "upstream_status" || $38 != "client" { strange++; next }
    { take() }

    # mark WINDOWS SEEN: it happened in the two seconds before.
    function mark(windows, seen) {
      windows[int(seen / width) * width]
      windows[int((seen - 2) / width) * width]
    }

    function take(   t, client, key, attempts, i) {
      if ($4 < since + 0) return
      lines++
      client = $40
      if (++requests_of[client] > top) top = requests_of[client]
      # Who chose an arm by a header is nobody whom chance put there.
      if ($8 == "" || $36 !~ /^[0-9][0-9]$/ || $64 == health || index($64, health "?") == 1) return
      t = int($4 / width) * width
      # Late: what has been told is not changed, the next one has it.
      if (told != 0 && t <= told) t = told + width
      newest = t
      if (told == 0 && (oldest == "" || t < oldest)) oldest = t
      key = client " " $36
      if (index($8, ",") == 0 && index($8, " ") == 0) {
        attempt(t, key, $8, $16, $20, 1)
        if (reached_file != "") answered(t, key, $8)
        return
      }
      attempts = split($8, addresses, /, | : /)
      split($16, statuses, /, | : /)
      split($20, times, /, | : /)
      for (i = 1; i <= attempts; i++) attempt(t, key, addresses[i], statuses[i], times[i], i == attempts)
      if (reached_file != "") answered(t, key, addresses[attempts])
    }

    # answered T KEY ADDRESS: a client of an A/B window was answered by the upstream; did it come to a goal?
    function answered(t, key, address,   side, i) {
      # Before the window and after it a request has no arm, whatever cookie it brings.
      if (!(address in arm) || $48 == "") return
      side = arm[address]
      if (reach("-", side, key, most)) fresh[t, side]++
      if ($12 !~ /^[23][0-9][0-9]$/) return
      for (i = 1; i <= goal_count; i++)
        if ((goal_method[i] == "-" || goal_method[i] == $56) && $64 ~ goal_pattern[i] && reach(goal[i], side, key, most)) came[t, i, side]++
    }

    # Whether it is new.
    function reach(what, side, key, most,   at) {
      at = what " " side " " key
      if (at in reached || known_of[what == "-" ? side : what " " side] >= most) return 0
      reached[at]
      known_of[what == "-" ? side : what " " side]++
      print at >>reached_file
      return 1
    }

    function attempt(t, key, address, status, time, last,   side, at, bin, gone) {
      if (!(address in arm)) return
      side = arm[address]
      at = t " " address
      n[at]++
      if (reached_file == "" && known_of[side] < most && !((side, key) in known)) {
        known[side, key]
        known_of[side]++
        fresh[t, side]++
      }
      if (known_of[address] < 1000 && !((address, key) in known)) {
        known[address, key]
        known_of[address]++
        fresh[at]++
      }
      gone = $12 == 499 && last
      if (status ~ /^5[0-9][0-9]$/ || (status !~ /^[0-9]+$/ && !gone)) {
        errors_all[at]++
        if (!(key in erred) && erred_count < 500000) {
          erred[key]
          erred_count++
          errors[at]++
          if (erred_file != "") print key >>erred_file
        }
        return
      }
      # Streams and what was switched to another protocol last as long as their users like.
      if (status == 101 || $52 != "") return
      if (gone) time = $24
      if (time !~ /^[0-9.]+$/) return
      if (timed[side, key] >= t) return
      timed[side, key] = t
      time *= 1000
      bin = time < 1 ? 0 : 1 + int(log(time) / ln_step)
      if (bin > 274) bin = 274
      count_of[at, bin]++
      if (!((at, bin) in bin_of)) {
        bin_of[at, bin]
        bins[at] = bins[at] " " bin
      }
    }

    # tick NOW: tells the windows that are over, also those in which nobody came.
    function tick(now,   key) {
      if (told == 0) {
        told = int(now / width) * width - width
        # On a busy host seconds may pass before the first tick: what came in them is told too.
        if (oldest != "" && oldest <= told) told = oldest - width
      }
      # A clock that was set forward, or a follower that was stopped, makes no thousand empty windows.
      if (now - told > 720 * width) {
        mark(gap, now - width)
        told = int(now / width) * width - 2 * width
      }
      while (told + 2 * width + 1 <= now) {
        tell(told + width)
        told += width
      }
    }

    function tell(t,   i, j, at, list, many, sep, before, said) {
      before = t + width <= changed - 2
      said = sprintf("{\"t\":%d,\"generation\":%d,\"buckets\":%d,\"moved\":%d,\"gap\":%d,\"lines\":%d,\"strange\":%d,\"top\":%d,\"clients\":{\"canary\":%d,\"baseline\":%d},\"upstreams\":[", \
        t, before ? former_generation : generation, before ? former_buckets : buckets, t in moved, t in gap, lines, strange, top, fresh[t, "canary"], fresh[t, "baseline"])
      if (reached_file != "") {
        sub(/"upstreams":\[$/, "\"goals\":{", said)
        for (i = 1; i <= goal_count; i++) {
          said = said sprintf("%s\"%s\":{\"canary\":%d,\"baseline\":%d}", i > 1 ? "," : "", goal[i], came[t, i, "canary"], came[t, i, "baseline"])
          delete came[t, i, "canary"]
          delete came[t, i, "baseline"]
        }
        said = said "},\"upstreams\":["
        fflush(reached_file)
      }
      sep = ""
      for (i = 1; i <= count; i++) {
        at = t " " order[i]
        if (!(at in n)) continue
        printf "%s", said
        said = sprintf("%s{\"address\":\"%s\",\"n\":%d,\"errors\":%d,\"errors_all\":%d,\"clients\":%d,\"times\":[", \
          sep, order[i], n[at], errors[at], errors_all[at], fresh[at])
        sep = ","
        many = split(bins[at], list, " ")
        for (j = 1; j <= many; j++) {
          said = said (j > 1 ? "," : "") "[" list[j] "," count_of[at, list[j]] "]"
          delete count_of[at, list[j]]
          delete bin_of[at, list[j]]
        }
        said = said "]}"
        delete n[at]
        delete errors[at]
        delete errors_all[at]
        delete fresh[at]
        delete bins[at]
      }
      delete fresh[t, "canary"]
      delete fresh[t, "baseline"]
      print said "]}"
      fflush()
      if (erred_file != "") fflush(erred_file)
      lines = strange = top = 0
      delete moved[t]
      delete gap[t]
      split("", requests_of)
      for (at in timed) if (timed[at] <= t) delete timed[at]
    }'
}
