interface Line {
  readonly time: number;
  readonly upstream?: string;
  readonly status?: string;
  readonly answered?: string;
  readonly took?: string;
  readonly request?: string;
  readonly lane?: string;
  readonly client?: string;
  readonly stream?: string;
  readonly arm?: string;
  readonly method?: string;
  readonly uri?: string;
}

/** A line as templates/upstream.conf.hbs has it written. */
export const logLine = (line: Line): string => {
  const { upstream = 'b:1', status = '200', took = '0.050', lane = '07', client = '10.9.9.9', stream = '' } = line;
  return (
    `{"time":"${line.time.toFixed(3)}","upstream":"${upstream}","status":"${status}","upstream_status":"${line.answered ?? status}",` +
    `"upstream_time":"${took}","request_time":"${line.request ?? took}","group":"shop-first","root":"/r/live/${lane}","lane":"${lane}",` +
    `"client":"${client}","request":"x","arm":"${line.arm ?? 'stable'}","stream":"${stream}","method":"${line.method ?? 'GET'}","host":"shop.example.com","uri":"${line.uri ?? '/'}","bytes":"9","at":"x"}`
  );
};
