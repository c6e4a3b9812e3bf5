/** A small workspace in which nothing is wrong, by path: thing-service, the gateway, and what runs them. */
export const THING_SERVICE: Readonly<Record<string, string>> = {
  'package.json': '{\n  "dependencies": {\n    "pg": "8.23.1"\n  }\n}\n',
  'package-lock.json': JSON.stringify({
    packages: { '': { dependencies: { pg: '8.23.1' } }, 'node_modules/pg': { version: '8.23.1' } },
  }),
  'node_modules/pg/package.json': '{ "version": "8.23.1" }',

  'buf.yaml': `version: v2
modules:
  - path: proto
  - path: libs/contracts/third_party/googleapis
breaking:
  use: [FILE]
`,
  'proto/thing/v1/thing.proto': `syntax = "proto3";
package thing.v1;
import "google/api/client.proto";
service ThingService {
  option (google.api.default_host) = "thing-service:50051";
  rpc GetThing(GetThingRequest) returns (Thing);
  rpc PutThings(stream Thing) returns (Thing);
}
message Thing {
  string display_name = 1;
}
message GetThingRequest {
  string id = 1;
}
`,

  'apps/thing-service/src/thing-service.module.ts': `import { ThingController } from './thing.controller.js';
import { Thing } from './thing.entity.js';
import { CreateThings1700000000100 } from './migrations/1700000000100-create-things.js';

@Module({
  imports: [
    ServiceModule.register({
      name: 'thing-service',
      package: 'thing.v1',
      ports: { grpc: 50051, http: 8081 },
      database: { entities: [Thing], migrations: [CreateThings1700000000100] },
    }),
  ],
  controllers: [ThingController],
})
export class ThingServiceModule {}
`,
  'apps/thing-service/src/thing.controller.ts': `import { ThingServiceDefinition } from '@rookery/contracts/thing/v1';
import { GetThingDto, ThingDto } from './thing.dto.js';

@GrpcController(ThingServiceDefinition)
export class ThingController {
  getThing(@Payload() request: GetThingDto): Promise<Thing> {}
  putThings(@Messages(ThingDto) things: AsyncIterable<ThingDto>): Promise<Thing> {}
}
`,
  'apps/thing-service/src/thing.dto.ts': `export class GetThingDto {
  @IsId()
  id!: string;
}
export class ThingDto {
  displayName!: string;
}
`,
  'apps/thing-service/src/thing.entity.ts': `@Entity('things')
export class Thing {
  @PrimaryColumn('uuid')
  id!: string;
  @Column('text', { name: 'display_name' })
  displayName!: string;
}
`,
  'apps/thing-service/src/migrations/1700000000100-create-things.ts': `export class CreateThings1700000000100 implements MigrationInterface {
  async up(runner) {
    await runner.query('CREATE TABLE things (id uuid PRIMARY KEY, display_name text)');
  }
}
`,
  'apps/gateway/src/gateway.config.ts': `export class GatewayConfig {
  @EnvInteger({ name: 'HTTP_PORT', default: 3000 })
  readonly port!: number;
}
`,

  'libs/config/src/runtime.config.ts': `export class RuntimeConfig {
  @EnvEnum({ name: 'NODE_ENV', default: 'development' })
  readonly nodeEnv!: string;
}
`,
  'libs/grpc/src/grpc.config.ts': `export class GrpcConfig {
  @EnvInteger({ name: 'GRPC_PORT' })
  readonly port!: number;
}
`,
  'libs/database/src/database.config.ts': `export class DatabaseConfig {
  @EnvUrl({ name: 'DATABASE_URL', optional: true, requiredInProduction: true })
  readonly url!: string;
}
`,

  'docker-compose.yml': `services:
  postgres:
    environment:
      THING_SERVICE_PASSWORD: thing_service
    ports: ['127.0.0.1:5432:5432']
`,
  'k8s/overlays/dev/kustomization.yaml': 'resources: [../../base/thing-service, ../../base/postgres]\n',
  'k8s/base/thing-service/kustomization.yaml': `resources: [deployment.yaml]
configMapGenerator:
  - name: thing-service
    literals:
      - NODE_ENV=production
      - GRPC_PORT=50051
      - DATABASE_URL=postgres://thing_service:secret@postgres:5432/thing_service
`,
  'k8s/base/thing-service/deployment.yaml': `kind: Deployment
metadata: { name: thing-service }
spec:
  template:
    spec:
      containers:
        - name: thing-service
          image: rookery/thing-service
          envFrom:
            - configMapRef: { name: thing-service }
          ports:
            - { name: grpc, containerPort: 50051 }
          readinessProbe:
            grpc: { port: 50051, service: thing.v1.ThingService }
`,
  'k8s/base/postgres/kustomization.yaml': 'resources: [postgres.yaml]\n',
  'k8s/base/postgres/postgres.yaml': `kind: StatefulSet
metadata: { name: postgres }
spec:
  template:
    metadata: { labels: { app: postgres } }
    spec:
      containers:
        - name: postgres
          image: postgres:18
          ports:
            - { name: postgres, containerPort: 5432 }
---
kind: Service
metadata: { name: postgres }
spec:
  selector: { app: postgres }
  ports:
    - { name: postgres, port: 5432 }
`,
};
