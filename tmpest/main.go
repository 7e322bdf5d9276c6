package main
import ("fmt";"gputrain/kernels")
func main(){
 for _,g:=range []struct{n string;sm int;fl float64}{{"H100",132,67e12},{"A100",108,19.5e12}} {
  for _,l:=range []struct{k string; h,n int}{{"lstm",1024,64},{"lstm",2048,64},{"lstm",2048,128},{"gru",2048,128},{"rnn",2048,128},{"lstm",4096,32}} {
   p:=kernels.ChooseStep(l.k,l.n,l.h,g.sm)
   loops:=kernels.Loops()
   gates:=kernels.Gates(l.k)
   fma:=float64(p.Tiles*p.Rows*p.Units*gates)*float64(l.h)
   cells:=float64(l.n*l.h)
   lo:=loops[p.Kernel]
   instr:=fma*float64(lo.Instructions)/float64(lo.Multiplications)+cells*400
   b:=p.Launch.Grid.X
   r:=(b+g.sm-1)/g.sm
   bal:=float64(r*g.sm)/float64(b)
   q:=kernels.ChooseGemm("float32",kernels.GemmShape{M:l.n,N:l.h,K:gates*l.h},g.sm,0)
   lb:=loops[q.Kernel]
   var tm,tn int
   fmt.Sscanf(q.Kernel[len("gemm_nn_"):],"%dx%d",&tm,&tn)
   bb:=q.Launch.Grid.X*q.Launch.Grid.Y
   rb:=(bb+g.sm-1)/g.sm
   f2:=float64(q.Launch.Grid.X*tm*tn)*float64(gates*l.h)*float64(lb.Instructions)/float64(lb.Multiplications)
   balb:=float64(rb*g.sm)/float64(bb)
   fmt.Printf("%s %s H%d N%d fwd %s blocks %d bal %.2f %.1f us bytes %.0f MB | bwd %s slices %d blocks %d bal %.2f %.1f us\n",g.n,l.k,l.h,l.n,p.Kernel,b,bal,instr*2/g.fl*bal*1e6+.5,float64(p.Bytes)/1e6,q.Kernel,q.Slices,bb,balb,f2*2/g.fl*balb*1e6+1)
  }
 }
}
