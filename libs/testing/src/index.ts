export { type Fake, type FakeCall, type FakeMethods, fake } from './fake.js';
export { fakeClient } from './fake-client.js';
export { type Fault, type Faults, faulty } from './faulty.js';
export { type ServeFakeOptions, type ServedFake, serveFake } from './serve-fake.js';
export { type TestService, type TestServiceOptions, startTestService } from './test-service.js';
export { type TestDatabase, createTestDatabase } from './test-database.js';
