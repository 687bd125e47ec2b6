//! The order in which a module of `addax-hdl` is simulated.
//!
//! A module is a function of its ports and its state. rust-hdl's own `LogicBlock` calls `update` once, then visits
//! every signal below, and has the caller repeat this for the whole circuit until nothing changes: a value moves one
//! level of the hierarchy in a pass, and a pass costs as much as the circuit is large. `SettledBlock` keeps instead
//! that **a module is settled whenever it is not being updated**:
//!
//! 1. take over the input ports; if none has changed, the module still is settled, and nothing below is visited;
//! 2. call `update`, then update the modules inside, and repeat until no output of those changes;
//! 3. compare the output ports with what they were, so that the module around knows.
//!
//! A clock edge is the change of an input like any other. It reaches all modules inside in the first round of step 2,
//! with the values from before the edge, because `update` has then run once and no module inside has; in later rounds the
//! clock does not change. So the order of the fields does not matter.
//!
//! `connect_all`, which rust-hdl asks for before a simulation, settles the circuit for the first time, with inputs of
//! zero. Everything else (probing, Verilog) is as `LogicBlock` has it. The two mix, in either order.
#![forbid(unsafe_code)]

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::{ToTokens, quote};
use syn::{Data, DeriveInput, Error, Fields, GenericArgument, Ident, PathArguments, Type};

/// What a field is to the simulation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Input,
    Output,
    Local,
    Constant,
    Module,
}

/// Implements `rust_hdl::core::prelude::Block` for a struct. Fields whose names begin with `_` are not hardware.
#[proc_macro_derive(SettledBlock)]
pub fn settled_block(input: TokenStream) -> TokenStream {
    match syn::parse(input).and_then(|input| implementation(&input)) {
        Ok(tokens) => tokens.into(),
        Err(error) => error.into_compile_error().into(),
    }
}

fn implementation(input: &DeriveInput) -> syn::Result<Tokens> {
    let fields = fields(input)?;
    let of = |kind: Kind| -> Vec<&Ident> {
        let fields = fields.iter().filter(|(_, found)| *found == kind);
        fields.map(|(field, _)| *field).collect()
    };
    let (inputs, outputs, locals) = (of(Kind::Input), of(Kind::Output), of(Kind::Local));
    let modules = of(Kind::Module);
    let all: Vec<&Ident> = fields.iter().map(|(field, _)| *field).collect();
    let names: Vec<String> = all.iter().map(ToString::to_string).collect();
    let settle = settle(&input.ident, &modules);
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        impl #impl_generics rust_hdl::core::prelude::Block for #name #type_generics #where_clause {
            fn connect_all(&mut self) {
                self.connect();
                #(self.#modules.connect_all();)*
                #settle
            }

            fn update_all(&mut self) {
                let mut active = false;
                #(
                    self.#inputs.update_all();
                    active |= self.#inputs.has_changed();
                )*
                if active {
                    #settle
                    // Only probes look at these.
                    #(self.#locals.update_all();)*
                }
                #(self.#outputs.update_all();)*
            }

            fn has_changed(&self) -> bool {
                false #(|| self.#outputs.has_changed())*
            }

            fn accept(&self, name: &str, probe: &mut dyn rust_hdl::core::prelude::Probe) {
                probe.visit_start_scope(name, self);
                #(self.#all.accept(#names, probe);)*
                probe.visit_end_scope(name, self);
            }
        }
    })
}

/// Rounds of a module until it must be settled. More than any path through it crosses modules, unless it is a loop.
const ROUNDS: usize = 1_000;

/// Brings a module to rest whose inputs may have changed.
fn settle(name: &Ident, modules: &[&Ident]) -> Tokens {
    if modules.is_empty() {
        return quote!(self.update(););
    }
    let loops = format!("{name} has a combinational loop: it does not settle");
    quote! {
        let mut settled = false;
        for _ in 0..#ROUNDS {
            self.update();
            settled = true;
            #(
                self.#modules.update_all();
                settled &= !self.#modules.has_changed();
            )*
            if settled {
                break;
            }
        }
        assert!(settled, #loops);
    }
}

/// The fields that are hardware.
fn fields(input: &DeriveInput) -> syn::Result<Vec<(&Ident, Kind)>> {
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => &fields.named,
            _ => return Err(Error::new_spanned(input, "a module's fields have names")),
        },
        _ => return Err(Error::new_spanned(input, "a module is a struct")),
    };
    let mut found = Vec::new();
    for field in fields {
        if let Some(name) = &field.ident
            && !name.to_string().starts_with('_')
        {
            found.push((name, kind(&field.ty)?));
        }
    }
    Ok(found)
}

/// What a field of this type is: told by the names `Signal` and `Constant`, also inside `Vec`s and arrays.
fn kind(field: &Type) -> syn::Result<Kind> {
    let path = match field {
        Type::Array(array) => return kind(&array.elem),
        Type::Path(path) => path,
        _ => return Ok(Kind::Module),
    };
    let Some(last) = path.path.segments.last() else {
        return Ok(Kind::Module);
    };
    let argument = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
            Some(GenericArgument::Type(argument)) => Some(argument),
            _ => None,
        },
        _ => None,
    };
    match (last.ident.to_string().as_str(), argument) {
        ("Vec", Some(element)) => kind(element),
        ("Constant", _) => Ok(Kind::Constant),
        ("Signal", Some(direction)) => match direction.to_token_stream().to_string().as_str() {
            "In" => Ok(Kind::Input),
            "Out" => Ok(Kind::Output),
            "Local" => Ok(Kind::Local),
            _ => Err(Error::new_spanned(
                direction,
                "a signal is In, Out or Local",
            )),
        },
        _ => Ok(Kind::Module),
    }
}
