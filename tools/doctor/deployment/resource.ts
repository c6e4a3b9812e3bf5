/**
 * The fields of Kubernetes resources that the specs read. That a manifest has them, and no others, is the strict
 * schema's to say (manifests.spec.ts); these types only give them names.
 */
export interface Resource {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Labels; annotations?: Labels };
  data?: Record<string, string>;
  stringData?: Record<string, string>;
  spec?: {
    replicas?: number;
    // Of a Service this is a map of labels, of a workload an object.
    selector?: Labels | { matchLabels?: Labels };
    template?: { metadata?: { labels?: Labels }; spec?: PodSpec };
    serviceName?: string;
    clusterIP?: string;
    ports?: ServicePort[];
    volumeClaimTemplates?: { metadata: { name: string } }[];
    strategy?: { rollingUpdate?: { maxSurge?: number; maxUnavailable?: number } };
    minReadySeconds?: number;
  };
}

export type Labels = Readonly<Record<string, string>>;

export interface ServicePort {
  name: string;
  port: number;
  targetPort?: string | number;
}

export interface PodSpec {
  serviceAccountName?: string;
  automountServiceAccountToken?: boolean;
  enableServiceLinks?: boolean;
  terminationGracePeriodSeconds?: number;
  securityContext?: { runAsNonRoot?: boolean; runAsUser?: number; seccompProfile?: { type: string } };
  topologySpreadConstraints?: {
    topologyKey: string;
    whenUnsatisfiable: string;
    labelSelector: { matchLabels: Labels };
  }[];
  containers: Container[];
  volumes?: { name: string; configMap?: { name: string }; secret?: { secretName: string } }[];
}

export interface Container {
  name: string;
  image: string;
  args?: string[];
  env?: {
    name: string;
    value?: string;
    valueFrom?: { secretKeyRef?: KeyReference; configMapKeyRef?: KeyReference };
  }[];
  envFrom?: { configMapRef?: { name: string }; secretRef?: { name: string } }[];
  ports?: { name: string; containerPort: number }[];
  startupProbe?: Probe;
  livenessProbe?: Probe;
  readinessProbe?: Probe;
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  securityContext?: {
    allowPrivilegeEscalation?: boolean;
    readOnlyRootFilesystem?: boolean;
    capabilities?: { drop?: string[]; add?: string[] };
  };
  volumeMounts?: { name: string; mountPath: string }[];
}

export interface KeyReference {
  name: string;
  key: string;
}

export interface Probe {
  httpGet?: { path: string; port: string | number };
  grpc?: { port: number; service?: string };
  tcpSocket?: { port: string | number };
  exec?: { command: string[] };
}
