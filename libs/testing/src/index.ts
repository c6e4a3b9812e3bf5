export { type TestService, type TestServiceOptions, startTestService } from './test-service.js';
export { type TestDatabase, createTestDatabase } from './test-database.js';
