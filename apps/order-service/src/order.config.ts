import { EnvDuration } from '@rookery/config';

/** What order-service takes from the environment besides what every service does. */
export class OrderConfig {
  @EnvDuration({
    name: 'ORDER_PENDING_TIMEOUT',
    description: 'An order that is still PENDING this long after it was created is cancelled; 0s never does that.',
    default: '30m',
    max: '30d',
  })
  readonly pendingTimeout!: number;
}
