import { type ChannelOptions, connectivityState, experimental } from '@grpc/grpc-js';

/** Milliseconds from when no address can be connected to until calls fail for want of a connection. */
const GRACE = 500;

const NAME = 'rookery_round_robin';

/** There is nothing to set. */
class LoadBalancingConfig implements experimental.TypedLoadBalancingConfig {
  static createFromJson(): LoadBalancingConfig {
    return new LoadBalancingConfig();
  }

  getLoadBalancerName(): string {
    return NAME;
  }

  toJsonObject(): object {
    return { [NAME]: {} };
  }
}

/**
 * gRPC's `round_robin`, whose calls wait for a moment where it would fail them: when there is no connection (any more),
 * until there is one or `GRACE` is over. A replica that is replaced is followed by another one, whose address the name
 * server has to say first. In an outage that lasts longer calls fail at once, until a connection stands again.
 */
class LoadBalancer implements experimental.LoadBalancer {
  private readonly child: experimental.ChildLoadBalancerHandler;
  private readonly childConfig = experimental.parseLoadBalancingConfig({ round_robin: {} });
  /** Tells the channel of the failure that is being held back. */
  private fail: (() => void) | undefined;
  private grace: NodeJS.Timeout | undefined;
  private graceIsOver = false;

  constructor(private readonly channel: experimental.ChannelControlHelper) {
    this.child = new experimental.ChildLoadBalancerHandler(
      experimental.createChildChannelControlHelper(channel, {
        updateState: (state, picker, message) => this.updateState(state, picker, message),
      }),
    );
  }

  updateAddressList(
    endpoints: experimental.StatusOr<experimental.Endpoint[]>,
    _config: experimental.TypedLoadBalancingConfig,
    options: ChannelOptions,
    resolutionNote: string,
  ): boolean {
    return this.child.updateAddressList(endpoints, this.childConfig, options, resolutionNote);
  }

  exitIdle(): void {
    this.child.exitIdle();
  }

  resetBackoff(): void {
    this.child.resetBackoff();
  }

  destroy(): void {
    clearTimeout(this.grace);
    this.child.destroy();
  }

  getTypeName(): string {
    return NAME;
  }

  private updateState(state: connectivityState, picker: experimental.Picker, message: string | null): void {
    this.fail = undefined;
    if (state === connectivityState.TRANSIENT_FAILURE && !this.graceIsOver) {
      this.fail = () => this.channel.updateState(state, picker, message);
      this.grace ??= setTimeout(() => this.endGrace(), GRACE).unref();
      this.channel.updateState(connectivityState.CONNECTING, new experimental.QueuePicker(this), null);
      return;
    }
    if (state === connectivityState.READY) {
      clearTimeout(this.grace);
      this.grace = undefined;
      this.graceIsOver = false;
    }
    this.channel.updateState(state, picker, message);
  }

  private endGrace(): void {
    this.graceIsOver = true;
    this.fail?.();
  }
}

experimental.registerLoadBalancerType(NAME, LoadBalancer, LoadBalancingConfig);

/** How calls are spread over the addresses of a target: `loadBalancingConfig` of a service config. */
export const LOAD_BALANCING = [{ [NAME]: {} }];
