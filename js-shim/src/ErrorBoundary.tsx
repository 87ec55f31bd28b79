// Keeps an error of ours inside our own area: the host would take the whole Explore page away, tabs included.

import * as React from 'react';

interface Props {
  /** Shown in place of the children; `reset` tries them again. */
  fallback: (error: Error, reset: () => void) => React.ReactNode;
  /** Where it happened, for the console. */
  place: string;
  /** A change of this tries the children again. */
  resetKey?: string;
  children: React.ReactNode;
}

interface State {
  error?: Error;
  resetKey?: string;
}

export class ErrorBoundary extends React.Component<Props, State> {
  override state: State = { resetKey: this.props.resetKey };

  static getDerivedStateFromError(error: unknown): State {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  static getDerivedStateFromProps(props: Props, state: State): State | null {
    return props.resetKey === state.resetKey ? null : { error: undefined, resetKey: props.resetKey };
  }

  override componentDidCatch(error: unknown): void {
    console.error(`PersAI: ${this.props.place} failed`, error);
  }

  override render(): React.ReactNode {
    if (this.state.error) return this.props.fallback(this.state.error, () => this.setState({ error: undefined }));
    return this.props.children;
  }
}
