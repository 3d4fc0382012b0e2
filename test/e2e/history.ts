import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { History, Told } from '../../src/core/history.ts';
import { until } from '../fleet/hosts/shell.ts';
import { lapse } from './aftermath.ts';
import { assertNothingLost, pause, type Scene } from './scene.ts';

/** What is left behind of commands, and who is told of them. From v1 on three backends, and back to it. */
export function history(fleet: () => Scene): void {
  describe('what was done', () => {
    let scene: Scene;
    let server: http.Server;
    const got: { readonly event: unknown; readonly signature: unknown; readonly body: string }[] = [];
    before(async () => {
      scene = fleet();
      server = http.createServer((request, response) => {
        let body = '';
        request.setEncoding('utf8').on('data', (text: string) => (body += text));
        request.on('end', () => {
          const { 'x-orchestrate-event': event, 'x-orchestrate-signature': signature } = request.headers;
          got.push({ event, signature, body });
          response.writeHead(204).end();
        });
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    });
    after(() => {
      server.closeAllConnections();
      server.close();
    });

    const folder = (): string => dirname(scene.inventoryFile);
    const list = async (): Promise<History> =>
      JSON.parse((await scene.expect(0, 'history', '--json')).stdout) as History;
    const show = async (number: number): Promise<Told> =>
      JSON.parse((await scene.expect(0, 'history', 'show', String(number), '--json')).stdout) as Told;

    test('is told to hooks and webhooks, and is in the history, a roll whose operator died too', async () => {
      await writeFile(join(folder(), 'key'), 'our secret\n');
      const { port } = server.address() as AddressInfo;
      const TELL = 'echo "$ORCHESTRATE_HOOK $ORCHESTRATE_BATCH $ORCHESTRATE_HOSTS $ORCHESTRATE_EXIT" >>told';
      await writeFile(
        scene.inventoryFile,
        `${await readFile(scene.inventoryFile, 'utf8')}
notify:
  - { webhook: "http://127.0.0.1:${port}/roll", on: [started, batch, failed, finished], secret_file: key }
  - { webhook: "http://127.0.0.1:9/dead", on: [started] }
hooks: { before_roll: ["${TELL.replaceAll('"', '\\"')}"], after_batch: ["${TELL.replaceAll('"', '\\"')}"], after_roll: ["${TELL.replaceAll('"', '\\"')}; exit 7"] }
`,
      );
      const { report, result } = await scene.underLoad(async () => {
        const rolled = await scene.expect(0, 'roll', '--ref', 'v2', '--yes', '--json');
        const roll = scene.begin('roll', '--ref', 'v1', '--yes', '--json');
        try {
          await until('the second roll begins', 90_000, async () => (await list()).commands[0]?.state === 'at work');
          const number = (await list()).commands[0]?.number ?? 0;
          // A batch is out of rotation: the first, or on a fast machine, where words come behind deeds, the one after it.
          await until('a batch is at work', 90_000, async () => {
            const { events } = await show(number);
            return events.some(
              (event) => event.type === 'phase' && event.batch !== undefined && event.name === 'batch',
            );
          });
          return { rolled, number };
        } finally {
          process.kill(roll.pid, 'SIGKILL');
          const ended = await roll.ended;
          assert.equal(ended.code, 128, `it was to die half-way:\n${ended.stdout}\n${ended.stderr}`);
          await pause(500);
        }
      });
      assertNothingLost(report);

      const hooks = (await readFile(join(folder(), 'told'), 'utf8')).split('\n').slice(0, -1);
      assert.deepEqual(hooks.slice(0, 6), [
        'before_roll  web1 web2 web3 ',
        'after_batch 1 web1 ',
        'after_batch 2 web2 ',
        'after_batch 3 web3 ',
        'after_roll  web1 web2 web3 0',
        'before_roll  web1 web2 web3 ',
      ]);
      assert.deepEqual(
        got.slice(0, 6).map(({ event }) => event),
        ['started', 'batch', 'batch', 'batch', 'finished', 'started'],
      );
      for (const { signature, body } of got)
        assert.equal(signature, `sha256=${createHmac('sha256', 'our secret').update(body).digest('hex')}`);
      const notes = result.rolled.events.flatMap((event) => (event.type === 'note' ? [event.text] : [])).join('\n');
      assert.match(notes, /hooks.after_roll: .* ended with exit code 7/);
      assert.match(
        notes,
        /notify\[1\] \(127.0.0.1:9\) was not told of: started\. The last reason: nothing listens there/,
      );

      await lapse(scene.fleet);
      const { commands } = await list();
      assert.deepEqual(
        commands.slice(0, 2).map((past) => [past.number, past.state, past.command, past.hosts.includes('web2')]),
        [
          [result.number, 'died', 'roll --ref v1', true],
          [result.number - 1, 'ended', 'roll --ref v2', true],
        ],
      );
      const words = (await scene.expect(0, 'history')).stdout;
      assert.match(words, new RegExp(`^${result.number} .*roll --ref v1 +died \\(last word at `, 'm'));
      assert.match(words, new RegExp(`^${result.number - 1} .*roll --ref v2 +done `, 'm'));

      const whole = (await scene.expect(0, 'history', 'show', String(result.number - 1))).stdout;
      assert.match(whole, /\[\d+\/\d+\] batch 2 of 3: web2 to /);
      assert.match(whole, /^\d\d:\d\d:\d\d +web2 .* in rotation +was out for /m);
      assert.match(whole, /note: hooks.after_roll/);
      const dead = (await scene.expect(0, 'history', 'show', String(result.number))).stdout;
      assert.match(dead, /It died: its last word came at /);
      assert.match(dead, /Out of rotation by its last word: web[123]\./);
      // Of the first roll, as it was told then: every event but what hosts printed.
      const kept = (await show(result.number - 1)).events.map(({ type }) => type);
      const told = result.rolled.events.filter(
        (event) => event.type !== 'output' && !(event.type === 'step' && event.state === 'skipped'),
      );
      assert.deepEqual(
        kept,
        told.slice(0, kept.length).map(({ type }) => type),
      );
      assert.ok(kept.includes('finished'));

      const refused = await scene.expect(2, 'history', 'show', '999');
      assert.match(refused.stderr, /The history has no command 999/);

      await scene.configure({});
      await scene.expect(0, 'resume', '--yes');
    });
  });
}
