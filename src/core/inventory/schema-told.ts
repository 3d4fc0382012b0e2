import { z } from 'zod';
import * as value from './values.ts';

/** The sections that say who is told of a command, on the operator's side. */

const MOMENTS = 'must be a list of these: started, batch, failed, finished';

export const notify = z
  .array(
    z.strictObject({
      webhook: value.webhook.describe('Where it is sent (POST, JSON). Its path often is a secret: it is never shown.'),
      on: z
        .array(z.enum(['started', 'batch', 'failed', 'finished'], MOMENTS), MOMENTS)
        .min(1, MOMENTS)
        .prefault(['failed', 'finished'])
        .describe('started; batch: a batch is done; failed: as soon as something fails; finished: whatever its end.'),
      secret_file: z
        .exactOptional(value.localPath)
        .describe('On this machine: the key of the HMAC-SHA256 in the header X-Orchestrate-Signature.'),
      format: z
        .enum(['json', 'slack'])
        .prefault('json')
        .describe("json: all that there is to know; slack: one text, for Slack's incoming webhooks and their like."),
    }),
    'must be a list of receivers, each with a webhook',
  )
  .describe('Who is told over HTTP. A receiver that is slow or dead never holds a roll.');

const commands = z.array(value.command).prefault([]);

export const hooks = z
  .strictObject({
    before_roll: commands.describe('Under the lease, before anything is changed; one that fails refuses the roll.'),
    after_batch: commands.describe('Beside the roll, when a batch is back in rotation.'),
    after_roll: commands.describe('When it ended well.'),
    on_failure: commands.describe('When it ended otherwise, a refusal by before_roll included.'),
    deadline: value.duration.prefault('5m').describe('How long each command may take.'),
  })
  .describe("Commands for this machine's sh around a roll or rollback, with ORCHESTRATE_* in the environment.");
