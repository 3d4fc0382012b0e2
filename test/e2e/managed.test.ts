import { after, before, describe } from 'node:test';
import { declares } from './declares.ts';
import { history } from './history.ts';
import { rolls } from './rolls.ts';
import { setScene, type Scene } from './scene.ts';
import { unfinishedRolls } from './unfinished.ts';

/** What users may do with one fleet, one after the other: to raise one and bring it to its first release takes as long as a roll. */
describe('a fleet whose configuration is managed', () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene({ name: 'managed', balancers: 2, backends: 3 });
  });
  after(() => scene.end());
  const fleet = (): Scene => scene;

  describe('a roll under load', () => rolls(fleet));
  unfinishedRolls(fleet);
  history(fleet);
  declares(fleet);
});
