import { after, before, describe } from 'node:test';
import { rolls } from './rolls.ts';
import { setScene, type Scene } from './scene.ts';

describe('a roll under load where an administrator installs the configuration', () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene({ name: 'fixed', balancers: 2, backends: 3, configuration: 'fixed' });
    // Another virtual environment than that of v1, with a pip of its own: it is built and shipped under load.
    await scene.configure({ build: { venv_args: [] } });
  });
  after(() => scene.end());

  rolls(() => scene);
});
